import type { Catalogue } from "../catalogue";
import { collect } from "../collect";
import actions from "./actions.json";
import api from "./api.json";
import approvals from "./approvals.json";
import canvas from "./canvas.json";
import code from "./code.json";
import codes from "./codes.json";
import conflicts from "./conflicts.json";
import dryRuns from "./dry-runs.json";
import editor from "./editor.json";
import environments from "./environments.json";
import forms from "./forms.json";
import home from "./home.json";
import inspector from "./inspector.json";
import integrations from "./integrations.json";
import items from "./items.json";
import kinds from "./kinds.json";
import lib from "./lib.json";
import operations from "./operations.json";
import panels from "./panels.json";
import references from "./references.json";
import runs from "./runs.json";
import schedules from "./schedules.json";
import scripts from "./scripts.json";
import settings from "./settings.json";
import sharing from "./sharing.json";
import shell from "./shell.json";
import triggers from "./triggers.json";
import ui from "./ui.json";
import versions from "./versions.json";
import workers from "./workers.json";
import workflow from "./workflow.json";
import workflowPage from "./workflow-page.json";
import workflowTests from "./workflow-tests.json";
import workflows from "./workflows.json";

/** All rooms, each with all texts of the English catalogue. */
type Translation = { [Room in keyof Catalogue]: Record<keyof Catalogue[Room], string> };

/** German catalogue. */
export const messages = collect({
  actions,
  api,
  approvals,
  canvas,
  code,
  codes,
  conflicts,
  "dry-runs": dryRuns,
  editor,
  environments,
  forms,
  home,
  inspector,
  integrations,
  items,
  kinds,
  lib,
  operations,
  panels,
  references,
  runs,
  schedules,
  scripts,
  settings,
  sharing,
  shell,
  triggers,
  ui,
  versions,
  workers,
  workflow,
  "workflow-page": workflowPage,
  "workflow-tests": workflowTests,
  workflows,
} satisfies Translation);

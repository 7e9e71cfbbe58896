import { useParams } from "../routing/hooks";
import { Navigate } from "../routing/link";
import { EnvironmentPage } from "./environment-page";
import { PipelinePage } from "./pipeline-page";
import { ReleasePage } from "./release-page";
import { RequestPage } from "./request-page";

/**
 * The pages below `environments`: the pipeline, `releases/<number>` of the workspace, the environment `<name>` of the
 * workspace, and its `<name>/requests/<id>`. One route keeps the script that every page loads small.
 */
export function EnvironmentPages() {
  const { workspace = "", "*": rest = "" } = useParams();
  const [name, area, id, ...more] = rest.split("/");
  if (!name) return <PipelinePage workspace={workspace} />;
  if (!area) return <EnvironmentPage workspace={workspace} />;
  if (name === "releases" && !id) return <ReleasePage workspace={workspace} number={area} />;
  if (area === "requests" && id && more.length === 0) return <RequestPage workspace={workspace} id={id} />;
  return <Navigate to={`/w/${workspace}/environments`} />;
}

// Client of the platform's API for TypeScript scripts, with the functions of the published package of this name.

import * as asCode from "./as-code.ts";
import * as client from "./client.ts";
import * as files from "./files.ts";
import { ApiError, getWorkspace, NotServed, OpenAPI, services } from "./request.ts";
import * as unavailable from "./unavailable.ts";

export * from "./as-code.ts";
export * from "./client.ts";
export * from "./files.ts";
export * from "./unavailable.ts";
export { ApiError, getWorkspace, NotServed, OpenAPI };

export const {
  AdminService,
  AgentWorkersService,
  AiEvalsService,
  AiService,
  AmqpTriggerService,
  AppService,
  AssetService,
  AuditService,
  AzureTriggerService,
  CaptureService,
  ConcurrencyGroupsService,
  ConfigService,
  DataMetricService,
  DbtService,
  DocumentationService,
  DraftService,
  EmailTriggerService,
  FavoriteService,
  FlowConversationsService,
  FlowService,
  FolderService,
  GcpTriggerService,
  GitSyncService,
  GranularAclService,
  GroupService,
  HealthService,
  HelpersService,
  HttpTriggerService,
  HubPublishService,
  IndexSearchService,
  InputService,
  IntegrationService,
  JobService,
  KafkaTriggerService,
  McpOauthService,
  McpService,
  MetricsService,
  MqttTriggerService,
  NativeTriggerService,
  NatsTriggerService,
  NpmProxyService,
  OauthService,
  OidcService,
  OpenapiService,
  PathAutocompleteService,
  PostgresTriggerService,
  RawAppService,
  ResourceService,
  ScheduleService,
  ScriptService,
  ServiceLogsService,
  SettingService,
  SettingsService,
  SqsTriggerService,
  TeamsService,
  TokenService,
  TrashService,
  TriggerService,
  UserService,
  VariableService,
  VolumeService,
  WebsocketTriggerService,
  WorkerService,
  WorkspaceDependenciesService,
  WorkspaceIntegrationService,
  WorkspaceService,
} = services;

export default { ...asCode, ...client, ...files, ...unavailable, ...services, ApiError, getWorkspace, NotServed, OpenAPI };

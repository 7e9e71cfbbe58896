// Files and buckets of the workspace.

import { call, getWorkspace, send } from "./request.ts";

export type S3ObjectRecord = { s3: string; storage?: string; presigned?: string };
export type S3ObjectURI = `s3://${string}/${string}`;
export type S3Object = S3ObjectURI | S3ObjectRecord;
export type DenoS3LightClientSettings = Record<string, any>;

/** Returns the reference for `s3://storage/name` or `s3:///name`. Throws for another text. */
export function parseS3Object(s3Object: S3Object): S3ObjectRecord {
  if (typeof s3Object !== "string") return s3Object;
  const match = s3Object.match(/^s3:\/\/([^/]*)\/(.+)$/s);
  if (!match) throw new Error(`"${s3Object}" is not a file: write s3:///name, or { s3: name }.`);
  return { s3: match[2]!, ...(match[1] ? { storage: match[1] } : {}) };
}

export const withoutPrefix = (path?: string) => path?.replace(/^\$res:|^res:\/\//, "");

function query(s3object: S3Object, s3ResourcePath?: string) {
  const { s3, storage } = parseS3Object(s3object);
  return { file_key: s3, storage, s3_resource_path: withoutPrefix(s3ResourcePath) };
}

/** Returns the content of a file as bytes. */
export async function loadS3File(object: S3Object, s3ResourcePath?: string, workspace?: string): Promise<Uint8Array> {
  return (await download(object, s3ResourcePath, workspace)).bytes();
}

/** Returns the content of a file as a blob. */
export async function loadS3FileStream(object: S3Object, s3ResourcePath?: string, workspace?: string): Promise<Blob> {
  return (await download(object, s3ResourcePath, workspace)).blob();
}

function download(object: S3Object, s3ResourcePath?: string, workspace = getWorkspace()): Promise<Response> {
  return send("GET", "job_helpers/download_s3_file", query(object, s3ResourcePath), undefined, workspace);
}

/** Writes a file and returns its reference. Without a reference, a name is generated. */
export async function writeS3File(
  s3object: S3Object | undefined,
  fileContent: string | Blob,
  s3ResourcePath?: string,
  contentType?: string,
  contentDisposition?: string,
  workspace = getWorkspace(),
): Promise<S3ObjectRecord> {
  const named = s3object === undefined ? undefined : parseS3Object(s3object);
  const parameters = {
    ...(named ? query(named, s3ResourcePath) : { s3_resource_path: withoutPrefix(s3ResourcePath) }),
    content_type: contentType,
    content_disposition: contentDisposition,
  };
  const body = typeof fileContent === "string" ? new TextEncoder().encode(fileContent) : fileContent;
  const response = await send("POST", "job_helpers/upload_s3_file", parameters, body, workspace);
  const { file_key } = (await response.json()) as { file_key: string };
  return { s3: file_key, ...(named?.storage ? { storage: named.storage } : {}) };
}

export async function deleteS3File(object: S3Object, workspace = getWorkspace()): Promise<void> {
  await send("DELETE", "job_helpers/delete_s3_file", query(object), undefined, workspace);
}

type Expiry = { expirySecs?: number; baseUrl?: string };

/** Returns the reference with a link in `presigned` that reads the file without a token. */
export async function signS3Object(object: S3Object, { expirySecs }: Expiry = {}): Promise<S3ObjectRecord> {
  const named = parseS3Object(object);
  const { url } = await call("GET", "job_helpers/presign_s3_file", { file_key: named.s3, expiry_secs: expirySecs });
  return { ...named, presigned: url };
}

export async function signS3Objects(objects: S3Object[], options: Expiry = {}): Promise<S3ObjectRecord[]> {
  return Promise.all(objects.map((each) => signS3Object(each, options)));
}

/** Returns a link that reads a file without a token. The storage determines its address; `baseUrl` is ignored. */
export async function getPresignedS3PublicUrl(object: S3Object, options: Expiry = {}): Promise<string> {
  const named = parseS3Object(object);
  return named.presigned ?? (await signS3Object(named, options)).presigned!;
}

export async function getPresignedS3PublicUrls(objects: S3Object[], options: Expiry = {}): Promise<string[]> {
  return Promise.all(objects.map((each) => getPresignedS3PublicUrl(each, options)));
}

/** Returns the settings of an S3 client for the bucket of an `s3` resource. */
export async function denoS3LightClientSettings(path?: string): Promise<DenoS3LightClientSettings> {
  return call("POST", "job_helpers/v2/s3_resource_info", {}, { s3_resource_path: withoutPrefix(path) });
}

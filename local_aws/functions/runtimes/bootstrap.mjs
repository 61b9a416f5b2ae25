// Lambda's Node.js runtime: imports the handler, then answers events that come over a socket.
// `node bootstrap.mjs FD`; messages are lines of JSON, as in bootstrap.py.

import { writeSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { existsSync } from "node:fs";

const LINE_BREAK = "\x1e";
const root = process.env.LAMBDA_TASK_ROOT;
const channel = new net.Socket({ fd: Number(process.argv[2]) });
let requestId = "";

// Console output as Lambda writes it: one event per call.
for (const [name, level] of Object.entries({
  debug: "DEBUG", error: "ERROR", info: "INFO", log: "INFO", trace: "TRACE", warn: "WARN",
})) {
  const { format } = await import("node:util");
  console[name] = (...parts) => {
    const text = format(...parts).replaceAll("\n", LINE_BREAK);
    writeSync(1, `${new Date().toISOString()}\t${requestId || "undefined"}\t${level}\t${text}\n`);
  };
}

// Handlers of custom resources answer with https to the host of event.ResponseURL, and name no port.
let responseUrl;
const request = https.request;
https.request = (options, ...rest) => {
  if (responseUrl?.protocol === "http:" && options?.hostname === responseUrl.hostname) {
    return http.request({ ...options, protocol: "http:", port: responseUrl.port }, ...rest);
  }
  return request(options, ...rest);
};
syncBuiltinESMExports();

function fault(error) {
  const known = error instanceof Error;
  const trace = known && error.stack ? error.stack.split("\n") : [];
  return { errorType: known ? error.name : typeof error, errorMessage: known ? error.message : String(error), trace };
}

async function load() {
  const [, folder, file, names] = /^(.*\/)?([^/.]+)\.(.+)$/.exec(process.env._HANDLER) ?? [];
  if (!file) throw Object.assign(new Error("Bad handler"), { name: "Runtime.MalformedHandlerName" });
  const stem = path.join(root, folder ?? "", file);
  const extension = ["", ".js", ".mjs", ".cjs"].find((end) => end && existsSync(stem + end));
  let module;
  try {
    if (!extension) throw new Error(`Cannot find module '${file}'`);
    module = extension === ".mjs"
      ? await import(pathToFileURL(stem + extension))
      : createRequire(path.join(root, "index.js"))(stem + extension);
  } catch (error) {
    if (error instanceof SyntaxError) throw Object.assign(error, { name: "Runtime.UserCodeSyntaxError" });
    if (!["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error.code) && extension) throw error;
    const [, missing] = /'(@aws-sdk\/[^']+)'/.exec(error.message) ?? [];
    const hint = missing
      ? `\nLambda's Node.js runtimes contain the AWS SDK; here it must be installed: npm install ${missing}`
      : "";
    throw Object.assign(new Error(`Error: ${error.message}${hint}`), { name: "Runtime.ImportModuleError" });
  }
  const found = names.split(".").reduce((value, name) => value?.[name], module.default?.[names.split(".")[0]] ? module.default : module);
  if (typeof found !== "function") {
    throw Object.assign(new Error(`${process.env._HANDLER} is undefined or not exported`), { name: "Runtime.HandlerNotFound" });
  }
  return found;
}

function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => (error ? reject(error) : resolve(result));
    Object.assign(context, { done: callback, succeed: resolve, fail: reject });
    const returned = handler(event, context, callback);
    if (typeof returned?.then === "function") returned.then(resolve, reject);
    // A handler without a callback parameter that returns no promise has nothing to wait for.
    else if (handler.length < 3) resolve(returned);
  });
}

function contextOf(invocation) {
  const env = process.env;
  return {
    awsRequestId: invocation.request_id,
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: invocation.function_arn,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => Math.max(0, invocation.deadline_ms - Date.now()),
  };
}

let handler;
let initError;
try {
  handler = await load();
} catch (error) {
  initError = error;
}
const send = (message) => channel.write(JSON.stringify(message) + "\n");
send({ ready: true });
for await (const line of createInterface({ input: channel })) {
  const invocation = JSON.parse(line);
  requestId = invocation.request_id;
  process.env._X_AMZN_TRACE_ID = invocation.trace_id;
  let reply;
  try {
    if (initError) throw initError;
    const event = JSON.parse(invocation.event);
    responseUrl = event?.ResponseURL ? new URL(event.ResponseURL) : undefined;
    const result = await run(handler, event, contextOf(invocation));
    reply = { result: JSON.stringify(result ?? null) };
  } catch (error) {
    reply = { error: fault(error) };
    console.error("Invoke Error", JSON.stringify(reply.error));
  }
  writeSync(2, `\0${requestId}\n`);
  send(reply);
}
process.exit(0);

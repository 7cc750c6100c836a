// Runs one request and prints its events: node ask.mjs [--address HOST:PORT] [--approve] "TEXT"
//
// The contracts are loaded at run time from ../../protos; no code is generated.
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const protos = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../protos");
const definition = loadSync("narrowgauge/v1/dispatcher.proto", {
  includeDirs: [protos],
  keepCase: true,
  enums: String,
  longs: Number,
  // Without it a status of code 0 would have no code.
  defaults: true,
  oneofs: true,
});
const { narrowgauge } = grpc.loadPackageDefinition(definition);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    address: { type: "string", default: process.env.NARROWGAUGE_ADDRESS ?? "127.0.0.1:50051" },
    approve: { type: "boolean", default: false },
  },
});
if (positionals.length !== 1) {
  console.error('usage: node ask.mjs [--address HOST:PORT] [--approve] "TEXT"');
  process.exit(2);
}

const client = new narrowgauge.v1.DispatcherService(values.address, grpc.credentials.createInsecure());
const chain = client.Dispatch();
chain.write({ start: { text: positionals[0] } });

// Approves or rejects one write, as the person at the terminal says.
async function decide(stepId) {
  let yes = values.approve;
  if (!yes && process.stdin.isTTY) {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    yes = (await terminal.question(`approve step ${stepId}? [y/N] `)).toLowerCase().startsWith("y");
    terminal.close();
  }
  const reason = "not approved at the terminal";
  chain.write(yes ? { approve: { step_id: stepId } } : { reject: { step_id: stepId, reason } });
}

const print = {
  plan_made: ({ plan }) =>
    plan.steps.forEach((step, index) =>
      console.log(`plan ${index} ${step.specialist || step.reason}: ${step.text}`),
    ),
  tool_call: ({ call }, id) => console.log(`step ${id} calls ${call.method} ${call.json}`),
  tool_result: ({ json }, id) => console.log(`step ${id} result ${json}`),
  step_failed: ({ status }, id) => console.log(`step ${id} failed: ${status.message}`),
  step_skipped: ({ reason, message }, id) => console.log(`step ${id} skipped: ${reason} ${message}`),
  approval_required: (_, id) => decide(id),
  chain_finished: ({ status, timings, trace_id }) => {
    const ok = !status || status.code === grpc.status.OK;
    const outcome = ok ? "finished" : `failed: ${status.message}`;
    console.log(`chain ${outcome} in ${timings.loop_ms.toFixed(0)} ms, trace ${trace_id}`);
    process.exitCode = ok ? 0 : 1;
    chain.end();
  },
};

chain.on("data", (response) => print[response.event]?.(response[response.event], response.step_id));
chain.on("error", (error) => {
  console.error(`${grpc.status[error.code]}: ${error.details}`);
  process.exitCode = 1;
  client.close();
});
chain.on("end", () => client.close());

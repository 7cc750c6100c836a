#!/usr/bin/env bash
# Generates the Ruby code of narrowgauge.v1 into FOLDER (default: gen, beside this file), with grpc-tools.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/gen}
mkdir -p "$out"
cd "$here/../../protos"
grpc_tools_ruby_protoc -I. --ruby_out="$out" --grpc_out="$out" \
  narrowgauge/v1/{catalogue,dispatcher,options,specialist}.proto

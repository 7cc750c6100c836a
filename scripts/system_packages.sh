#!/usr/bin/env bash
# Installs the programs that the tests start and the machine lacks, from Debian's packages.
set -euo pipefail
missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
need_file() { compgen -G "$1" >/dev/null || missing+=("$2"); }
need node nodejs
need npm npm
need ruby ruby
ruby -rgrpc -e '' 2>/dev/null || missing+=(ruby-grpc)
# The generator of the Ruby client, and the well-known types that it includes.
need grpc_tools_ruby_protoc ruby-grpc-tools
need_file '/usr/include/google/protobuf/any.proto' libprotobuf-dev
need_file '/usr/lib/postgresql/*/bin/initdb' postgresql
need openssl openssl
need kubectl kubernetes-client
need redis-server redis-server
if [ ${#missing[@]} -gt 0 ]; then
  sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

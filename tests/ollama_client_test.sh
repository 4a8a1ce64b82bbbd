#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The official ollama npm client against a node; skipped where npm is absent.
source "$(dirname "$(readlink -f "$0")")/client_lib.sh"
start_node

install_client ollama@^0.6
cp "$ROOT/tests/ollama_client.mjs" "$CLIENTS/"
export OLLAMA_HOST=$ADDRESS MODEL
(cd "$CLIENTS" && node ollama_client.mjs)

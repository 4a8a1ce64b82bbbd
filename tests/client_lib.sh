# SPDX-License-Identifier: Apache-2.0
# What the tests of npm clients share: a node with the starter model, and a folder with the client. Sourced.
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
SHARED=${PLINTH_SHARED:-$ROOT/../shared}
command -v npm >/dev/null || { echo "skipped: npm is not installed"; exit 0; }
IS_STARTER=1 KEEP=0 LIVE=0 MODEL_ARGS=() AGENT_ARGS=() PLINTH=$ROOT/build/release/plinth
source "$ROOT/demo/lib.sh"
CLIENTS=$WORK/clients

needs_shared_clients() { [ -d "$SHARED/clients" ] || { echo "skipped: no $SHARED/clients"; exit 0; }; }

# PACKAGE...: installed for the checks that are copied beside them.
install_client() {
  mkdir -p "$CLIENTS"
  echo '{"private":true,"type":"module"}' >"$CLIENTS/package.json"
  (cd "$CLIENTS" && npm i --silent --no-audit --no-fund "$@" >/dev/null)
}

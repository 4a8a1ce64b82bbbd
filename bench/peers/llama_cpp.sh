#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bench/peers/llama_cpp.sh: builds llama.cpp natively, by hand, from the source bundle inside the npm package node-llama-cpp, for
# measuring beside it; prints the folder of its programs. Nothing of it enters Plinth. PEERS_CPU=avx2 holds the peer to AVX2.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
package=node-llama-cpp@3.22.1
cpu=${PEERS_CPU:-native}
folder=$PWD/build/peers
source=$folder/llama.cpp
programs=$folder/llama.cpp-$cpu
case $cpu in
  native) flags=(-DGGML_NATIVE=ON) ;;
  avx2) flags=(-DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON -DGGML_AVX512=OFF) ;;
  *) echo "llama_cpp.sh: PEERS_CPU is '$cpu'; it may be native or avx2" >&2; exit 2 ;;
esac

if [ ! -d "$source" ]; then
  mkdir -p "$folder/package"
  (cd "$folder/package" && npm pack --silent "$package" >/dev/null && tar xzf node-llama-cpp-*.tgz)
  git clone -q "$folder/package/package/llama/gitRelease.bundle" "$source.new" 1>&2
  mv "$source.new" "$source"
fi
if [ ! -x "$programs/bin/llama-server" ]; then
  {
    cmake -S "$source" -B "$programs" -G Ninja -DCMAKE_BUILD_TYPE=Release -DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF \
      -DLLAMA_BUILD_SERVER=ON -DBUILD_SHARED_LIBS=OFF "${flags[@]}"
    ninja -C "$programs" llama-bench llama-batched-bench llama-server
  } >"$folder/llama.cpp-$cpu.log" 2>&1 || { tail -20 "$folder/llama.cpp-$cpu.log" >&2; exit 1; }
fi
echo "$programs/bin"

// SPDX-License-Identifier: Apache-2.0
// Reads the header of a GGUF file from its bytes. Trusts nothing: every length is checked against
// the bytes left, every sum and product against overflow, every tensor against the file's end.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "engine/gguf/contents.h"

namespace plinth::engine::gguf {

inline constexpr uint64_t kEntriesMax = 1u << 16;
inline constexpr uint64_t kTensorsMax = 1u << 16;
inline constexpr uint64_t kKeyBytesMax = 65535;      // from the specification
inline constexpr uint64_t kTensorNameBytesMax = 64;  // from the specification
inline constexpr uint64_t kTensorValuesMax = INT64_MAX;
inline constexpr uint64_t kStringBytesMax = 8u << 20;
inline constexpr uint64_t kArrayItemsMax = 1u << 24;
inline constexpr uint64_t kAlignmentMin = 8;
inline constexpr uint64_t kAlignmentMax = 4096;

// The result views into `bytes`, which must outlive it. Errors: malformed (names the field and the
// byte offset), unsupported (another version, byte order or an unknown tensor type).
Result<Contents> parse(std::string_view bytes);

// Brings the tensors into the order of their names. Errors: malformed (a name appears twice).
Status sort_tensors(Contents& contents);

}  // namespace plinth::engine::gguf

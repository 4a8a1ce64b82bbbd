// SPDX-License-Identifier: Apache-2.0
// How streams, keys and subjects become RocksDB keys. The first byte names the kind of row, every
// part ends with a zero byte (no part may contain one), sequences are big-endian: so rows of one
// stream are adjacent and ordered. docs/journal_format.md lists every row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/journal.h"

namespace plinth::store {

inline constexpr size_t kPartBytesMax = 128;  // of a tenant, a stream's kind or id, a subject
inline constexpr size_t kKeyBytesMax = 512;   // of a KeyValue key

// 1..128 of [A-Za-z0-9._:-]; a tenant does not start with a dot, because it names a folder too.
Status check_part(std::string_view what, std::string_view part);
Status check_tenant(std::string_view tenant);
Status check_stream(const StreamName& stream);
// "tenant/kind/name", no control characters; the name may hold further slashes.
Status check_key(std::string_view key);
// The text before the first slash of a checked key.
std::string tenant_of_key(std::string_view key);

// Rows of the table `rows`.
std::string entry_row(const StreamName& stream, Sequence sequence);
std::string head_row(const StreamName& stream);
std::string head_rows_of(std::string_view tenant, std::string_view kind);  // prefix
std::string head_rows_of_tenant(std::string_view tenant);                  // prefix
std::string_view head_rows();                                              // prefix
std::string remembered_rows_of(const StreamName& stream);                  // prefix
std::string remembered_row(const StreamName& stream, uint8_t slot);
std::string value_row(std::string_view key);
std::string note_row(std::string_view name);  // the store's own facts: origin, revision counter
Result<StreamName> stream_of_head_row(std::string_view row);
std::string_view key_of_value_row(std::string_view row);

// Rows of the table `keys`.
std::string subject_row(std::string_view tenant, std::string_view subject);
std::string erased_row(std::string_view tenant, std::string_view subject, std::string_view key_id);

// The first key behind all keys that start with `prefix`.
std::string prefix_end(std::string_view prefix);

}  // namespace plinth::store

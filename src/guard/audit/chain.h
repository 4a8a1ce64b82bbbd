// SPDX-License-Identifier: Apache-2.0
// The form of an audit entry in the journal and the hash that chains it. docs/audit_format.md
// states both.
#pragma once

#include <string>
#include <string_view>

#include "guard/audit.h"

namespace plinth::guard {

inline constexpr int kAuditFormat = 1;
// The hash before the first entry: 64 zeros.
inline const std::string kNoHash(64, '0');

// hex SHA-256 of: previous hash in hex, a line feed, the record's canonical JSON. The record holds
// its id.
std::string chain_hash(std::string_view previous, std::string_view canonical);

// Fills index, previous and hash of an entry whose record has this canonical JSON.
void chain_entry(AuditEntry& entry, uint64_t index, const std::string& previous,
                 std::string_view canonical);

// `record` is JSON text, in place of the entry's own.
std::string entry_to_body(const AuditEntry& entry, std::string_view record);
// corrupt names what is wrong. Does not check the hash.
Result<AuditEntry> entry_from_body(std::string_view body);

// Empty when `entry` is the right one at `index` after `previous`, else what is wrong with it.
std::string chain_mismatch(const AuditEntry& entry, uint64_t index, const std::string& previous);

}  // namespace plinth::guard

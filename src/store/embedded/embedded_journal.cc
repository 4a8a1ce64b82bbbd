// SPDX-License-Identifier: Apache-2.0
// Appends run on the commit thread: sequences, repeats, conditions and sealing are decided there,
// in one order.
#include "store/embedded/embedded_journal.h"

#include "store/embedded/bytes.h"
#include "store/embedded/entry.h"
#include "store/embedded/row_keys.h"

namespace plinth::store {
namespace {

constexpr uint8_t kHeadFormat = 1;
constexpr size_t kRowOverheadBytes = 512;  // key, header, tag: for the queue's byte limit
constexpr std::string_view kRewriteDue = "Z";

std::string text_of(const StreamName& stream) {
  return stream.tenant + "/" + stream.kind + "/" + stream.id;
}

std::string encode_head(const StreamHead& head) {
  std::string bytes(1, static_cast<char>(kHeadFormat));
  append_be64(bytes, head.last);
  append_be64(bytes, head.remembered_count);
  return bytes;
}

Result<StreamHead> decode_head(const StreamName& stream, std::string_view bytes) {
  ByteReader reader(bytes);
  const auto format = reader.byte();
  const auto last = reader.be64();
  const auto count = reader.be64();
  if (format != kHeadFormat || !last || !count || !reader.rest().empty()) {
    return make_error(ErrorCode::corrupt,
                      "the head row of stream " + text_of(stream) + " is not of format 1");
  }
  StreamHead head;
  head.last = *last;
  head.remembered_count = *count;
  return head;
}

Status check_append(const StreamName& stream, const std::vector<Entry>& entries,
                    const std::string& append_id) {
  TRY(check_stream(stream));
  if (!append_id.empty()) TRY(check_part("append_id", append_id));
  if (entries.empty()) {
    return make_error(ErrorCode::invalid_argument, "an append needs at least one entry", "entries");
  }
  if (entries.size() > kAppendEntriesMax) {
    return make_error(ErrorCode::too_large,
                      "an append of " + std::to_string(entries.size()) + " entries: at most " +
                          std::to_string(kAppendEntriesMax) + " are allowed",
                      "entries");
  }
  size_t bytes = 0;
  for (const Entry& entry : entries) {
    if (!entry.subject.empty()) TRY(check_part("subject", entry.subject));
    bytes += entry.body.size();
  }
  if (bytes > kAppendBytesMax) {
    return make_error(ErrorCode::too_large,
                      "an append of " + std::to_string(bytes) + " bytes: at most " +
                          std::to_string(kAppendBytesMax) + " are allowed",
                      "entries");
  }
  return ok();
}

}  // namespace

Result<StreamHead*> HeadCache::load(Database& database, const StreamName& stream) {
  std::string row = head_row(stream);
  const auto cached = slots_.find(row);
  if (cached != slots_.end()) {
    ages_.splice(ages_.end(), ages_, cached->second.age);
    return &cached->second.head;
  }
  StreamHead head = TRY(read(database, stream));
  if (slots_.size() >= kCachedHeadsMax) {
    slots_.erase(ages_.front());
    ages_.pop_front();
  }
  ages_.push_back(row);
  const Slot slot{std::move(head), std::prev(ages_.end())};
  return &slots_.emplace(std::move(row), slot).first->second.head;
}

Result<StreamHead> HeadCache::read(Database& database, const StreamName& stream) {
  const auto bytes = TRY(database.get(Table::rows, head_row(stream)));
  if (!bytes) return StreamHead{};
  StreamHead head = TRY(decode_head(stream, *bytes));
  std::vector<StreamHead::Remembered> ring;  // in slot order
  const auto visit = [&](std::string_view, std::string_view value) -> Result<bool> {
    ByteReader reader(value);
    const auto result = reader.be64();
    if (!result) {
      return make_error(ErrorCode::corrupt,
                        "a remembered append of stream " + text_of(stream) + " is cut short");
    }
    ring.push_back({std::string(reader.rest()), *result});
    return true;
  };
  const std::string prefix = remembered_rows_of(stream);
  TRY(database.scan(Table::rows, prefix, prefix_end(prefix), visit));
  // A full ring's oldest slot is the one that would be overwritten next.
  const size_t oldest =
      ring.size() < kRememberedAppends ? 0 : head.remembered_count % kRememberedAppends;
  for (size_t i = 0; i < ring.size(); ++i) {
    head.remembered.push_back(std::move(ring[(oldest + i) % ring.size()]));
  }
  return head;
}

class EmbeddedJournal::Append final : public Write {
 public:
  Append(EmbeddedJournal& journal, const StreamName& stream, Sequence expected,
         const std::vector<Entry>& entries, const std::string& append_id)
      : journal_(journal),
        stream_(stream),
        expected_(expected),
        entries_(entries),
        append_id_(append_id) {
    for (const Entry& entry : entries) bytes_ += entry.body.size() + kRowOverheadBytes;
  }

  size_t bytes() const override { return bytes_; }
  Sequence result() const { return result_; }

  Status prepare(Batch& batch) override {
    StreamHead& head = *TRY(journal_.heads_.load(journal_.parts_.database, stream_));
    for (const StreamHead::Remembered& earlier : head.remembered) {
      if (append_id_.empty() || earlier.append_id != append_id_) continue;
      result_ = earlier.result;
      return ok();
    }
    if (expected_ != kAnySequence && expected_ != head.last) {
      return make_error(ErrorCode::stale,
                        "stream " + text_of(stream_) + " ends at " + std::to_string(head.last) +
                            ", not at " + std::to_string(expected_) +
                            ": another writer was here; read on and decide again");
    }
    result_ = head.last;
    for (const Entry& entry : entries_) TRY(put_entry(batch, entry, ++result_));
    // Nothing below can fail: the cached head changes together with the batch.
    head.last = result_;
    if (!append_id_.empty()) remember(batch, head);
    batch.put(Table::rows, head_row(stream_), encode_head(head));
    return ok();
  }

 private:
  Status put_entry(Batch& batch, const Entry& entry, Sequence sequence) {
    KeyRing& keys = journal_.parts_.keys;
    const SubjectKey key = TRY(keys.obtain(batch, stream_.tenant, entry.subject));
    const EntryHeader header{.written = journal_.parts_.clock.wall(),
                             .key_id = key.id,
                             .tenant = stream_.tenant,
                             .subject = entry.subject};
    const std::string row = entry_row(stream_, sequence);
    batch.put(Table::rows, row, seal_entry(header, keys.make_nonce(), key.key, row, entry.body));
    return ok();
  }

  void remember(Batch& batch, StreamHead& head) const {
    std::string value;
    append_be64(value, result_);
    value.append(append_id_);
    const auto slot = static_cast<uint8_t>(head.remembered_count++ % kRememberedAppends);
    batch.put(Table::rows, remembered_row(stream_, slot), value);
    head.remembered.push_back({append_id_, result_});
    if (head.remembered.size() > kRememberedAppends) head.remembered.pop_front();
  }

  EmbeddedJournal& journal_;
  const StreamName& stream_;
  const Sequence expected_;
  const std::vector<Entry>& entries_;
  const std::string& append_id_;
  size_t bytes_ = 0;
  Sequence result_ = kBeginning;
};

class EmbeddedJournal::DropSubject final : public Write {
 public:
  DropSubject(EmbeddedJournal& journal, const std::string& tenant, const std::string& subject)
      : journal_(journal), tenant_(tenant), subject_(subject) {}

  size_t bytes() const override { return kRowOverheadBytes; }
  bool was_dropped() const { return was_dropped_; }

  Status prepare(Batch& batch) override {
    const WallTime now = journal_.parts_.clock.wall();
    was_dropped_ = TRY(journal_.parts_.keys.drop(batch, tenant_, subject_, now));
    if (!was_dropped_) return ok();
    // A counter, so that a rewrite only clears the note of erasures it has covered.
    const auto due = TRY(batch.get(Table::keys, kRewriteDue));
    std::string next;
    append_be64(next, due ? ByteReader(*due).be64().value_or(0) + 1 : 1);
    batch.put(Table::keys, kRewriteDue, next);
    return ok();
  }

 private:
  EmbeddedJournal& journal_;
  const std::string& tenant_;
  const std::string& subject_;
  bool was_dropped_ = false;
};

class EmbeddedJournal::Rewritten final : public Write {
 public:
  explicit Rewritten(std::string covered) : covered_(std::move(covered)) {}
  size_t bytes() const override { return kRowOverheadBytes; }
  Status prepare(Batch& batch) override {
    if (TRY(batch.get(Table::keys, kRewriteDue)) == covered_) batch.erase(Table::keys, kRewriteDue);
    return ok();
  }

 private:
  const std::string covered_;
};

Result<Sequence> EmbeddedJournal::append(const StreamName& stream, Sequence expected,
                                         const std::vector<Entry>& entries,
                                         const std::string& append_id) {
  TRY(check_append(stream, entries, append_id));
  Append write(*this, stream, expected, entries, append_id);
  TRY(parts_.committer.commit(write));
  if (parts_.metrics != nullptr) {
    parts_.metrics->add(telemetry::Metric::journal_appends, static_cast<double>(entries.size()));
  }
  return write.result();
}

Result<std::vector<StoredEntry>> EmbeddedJournal::read(const StreamName& stream, Sequence after,
                                                       size_t limit) const {
  TRY(check_stream(stream));
  limit = std::min(limit, kReadEntriesMax);
  std::vector<StoredEntry> entries;
  if (limit == 0 || after == ~Sequence{0}) return entries;
  struct Opened {  // the key of the row before: neighbours mostly share it
    std::string subject;
    KeyId id{};
    std::optional<SecretKey> key;
  };
  std::optional<Opened> opened;
  const auto visit = [&](std::string_view row, std::string_view value) -> Result<bool> {
    const SealedEntry sealed = TRY(decode_entry(value));
    const EntryHeader& header = sealed.header;
    if (!opened || opened->subject != header.subject || opened->id != header.key_id) {
      auto key = TRY(parts_.keys.find(stream.tenant, header.subject, header.key_id));
      opened = Opened{header.subject, header.key_id, std::move(key)};
    }
    StoredEntry entry;
    entry.sequence = ByteReader(row.substr(row.size() - 8)).be64().value_or(0);
    entry.written = header.written;
    entry.subject = header.subject;
    entry.is_erased = !opened->key;
    if (opened->key) entry.body = TRY(open_entry(sealed, *opened->key, row));
    entries.push_back(std::move(entry));
    return entries.size() < limit;
  };
  const std::string from = entry_row(stream, after + 1);
  const std::string to = prefix_end(from.substr(0, from.size() - 8));
  const Status scanned = parts_.database.scan(Table::rows, from, to, visit);
  if (scanned.is_error()) {
    Error error = scanned.error();
    error.message = "stream " + text_of(stream) + ", behind sequence " +
                    std::to_string(entries.empty() ? after : entries.back().sequence) + ": " +
                    error.message;
    return error;
  }
  return entries;
}

Result<Sequence> EmbeddedJournal::last(const StreamName& stream) const {
  TRY(check_stream(stream));
  const auto bytes = TRY(parts_.database.get(Table::rows, head_row(stream)));
  if (!bytes) return kBeginning;
  return TRY(decode_head(stream, *bytes)).last;
}

Result<std::vector<StreamName>> EmbeddedJournal::streams(const std::string& tenant,
                                                         const std::string& kind) const {
  TRY(check_tenant(tenant));
  TRY(check_part("stream kind", kind));
  std::vector<StreamName> names;
  const auto visit = [&](std::string_view row, std::string_view) -> Result<bool> {
    if (names.size() >= kStreamsListedMax) {
      return make_error(ErrorCode::too_large, "tenant " + tenant + " has more than " +
                                                  std::to_string(kStreamsListedMax) +
                                                  " streams of kind " + kind);
    }
    names.push_back(TRY(stream_of_head_row(row)));
    return true;
  };
  const std::string prefix = head_rows_of(tenant, kind);
  TRY(parts_.database.scan(Table::rows, prefix, prefix_end(prefix), visit));
  return names;
}

Result<std::vector<std::string>> EmbeddedJournal::tenants() const {
  std::vector<std::string> tenants;
  const auto visit_first = [&](std::string_view row, std::string_view) -> Result<bool> {
    tenants.push_back(TRY(stream_of_head_row(row)).tenant);
    return false;
  };
  std::string from(head_rows());
  const std::string to = prefix_end(from);
  for (;;) {  // one seek per tenant; ends because each seek starts behind the tenant before
    const size_t known = tenants.size();
    TRY(parts_.database.scan(Table::rows, from, to, visit_first));
    if (tenants.size() == known) return tenants;
    from = prefix_end(head_rows_of_tenant(tenants.back()));
  }
}

Status EmbeddedJournal::erase_subject(const std::string& tenant, const std::string& subject) {
  TRY(check_tenant(tenant));
  TRY(check_part("subject", subject));
  DropSubject write(*this, tenant, subject);
  TRY(parts_.committer.commit(write));
  return finish_erasures();
}

// The drop is durable by now; this makes the wrapped key leave the files too. Callers that come
// while a rewrite runs wait for it and mostly find nothing left to do.
Status EmbeddedJournal::finish_erasures() {
  MutexLock lock(rewrite_mutex_);
  const auto due = TRY(parts_.database.get(Table::keys, kRewriteDue));
  if (!due) return ok();
  TRY(parts_.database.rewrite_keys());
  Rewritten write(*due);
  return parts_.committer.commit(write);
}

}  // namespace plinth::store

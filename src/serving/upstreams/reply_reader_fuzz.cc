// SPDX-License-Identifier: Apache-2.0
// Bytes of an upstream, cut at a place the first byte chooses, in each format an upstream may
// speak. Whatever they are: events end with at most one finished, and reading goes on or stops
// without a crash.
#include "base/random.h"
#include "serving/upstreams/reply_reader.h"
#include "serving/upstreams/upstream_api.h"

namespace {

// Feeds in two pieces and at the end; the verdict must not depend on the cut.
bool read_cut(plinth::serving::UpstreamApi api, std::string_view bytes, size_t cut,
              plinth::IdSource& ids, std::string& text) {
  int finished = 0;
  plinth::serving::ReplyReader reader(
      plinth::serving::upstream_api_row(api).create_decoder(),
      [&](plinth::protocol::ChatEvent event) {
        text += event.text;
        if (event.kind == plinth::protocol::ChatEvent::Kind::finished) ++finished;
      },
      ids);
  if (reader.feed(bytes.substr(0, cut))) reader.feed(bytes.substr(cut));
  const bool is_whole = reader.finish().is_ok();
  if (finished > 1 || (is_whole && finished != 1)) __builtin_trap();
  return is_whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const plinth::ManualClock clock;
  plinth::SeededRandom random(1);
  plinth::IdSource ids(clock, random);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t cut = bytes.empty() ? 0 : data[0] % (bytes.size() + 1);
  using plinth::serving::UpstreamApi;
  for (const auto api : {UpstreamApi::openai, UpstreamApi::anthropic}) {
    std::string whole_text;
    std::string cut_text;
    const bool is_whole = read_cut(api, bytes, bytes.size(), ids, whole_text);
    const bool is_cut_whole = read_cut(api, bytes, cut, ids, cut_text);
    if (is_whole != is_cut_whole || (is_whole && whole_text != cut_text)) __builtin_trap();
  }
  return 0;
}

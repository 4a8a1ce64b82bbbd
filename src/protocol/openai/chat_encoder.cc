// SPDX-License-Identifier: Apache-2.0
// Replies of chat/completions.
#include "protocol/openai.h"

namespace plinth::protocol::openai {
namespace {

class ChatEncoder final : public ReplyEncoder {
 public:
  ChatEncoder(ReplyHead head, size_t choices, bool is_usage_wanted)
      : head_(std::move(head)), is_usage_wanted_(is_usage_wanted), tool_calls_(choices) {}

  std::vector<Frame> begin() override {
    std::vector<Frame> frames;
    for (size_t choice = 0; choice < tool_calls_.size(); ++choice) {
      frames.push_back({encode_first_chunk(head_, choice).dump()});
    }
    return frames;
  }

  std::vector<Frame> event(size_t choice, const ChatEvent& event) override {
    const bool is_call = event.kind == ChatEvent::Kind::tool_call;
    const size_t call = is_call ? tool_calls_[choice]++ : 0;
    return {{encode_chunk(head_, choice, event, call).dump()}};
  }

  std::vector<Frame> end(const Usage& usage) override {
    std::vector<Frame> frames;
    if (is_usage_wanted_) frames.push_back({encode_usage_chunk(head_, usage).dump()});
    frames.push_back({std::string(kStreamEnd)});
    return frames;
  }

  std::vector<Frame> fail(const Error& error) override {
    return {{encode_error(error).dump()}, {std::string(kStreamEnd)}};
  }

  Json whole(const std::vector<ChatReply>& replies) override {
    return encode_reply(head_, replies);
  }
  Json error(const Error& error) const override { return encode_error(error); }

 private:
  const ReplyHead head_;
  const bool is_usage_wanted_;
  std::vector<size_t> tool_calls_;  // so far, per choice
};

}  // namespace

std::unique_ptr<ReplyEncoder> create_chat_encoder(ReplyHead head, size_t choices,
                                                  bool is_usage_wanted) {
  return std::make_unique<ChatEncoder>(std::move(head), choices, is_usage_wanted);
}

}  // namespace plinth::protocol::openai

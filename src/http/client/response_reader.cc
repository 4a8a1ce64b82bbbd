// SPDX-License-Identifier: Apache-2.0
// One answer from bytes, read by Beast's parser with limits for what a foreign server may send.
#include "http/client/response_reader.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/text.h"

namespace plinth::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using Fault = beast::http::error;

constexpr uint32_t kAnswerHeaderBytesMax = 64u << 10;
constexpr size_t kAnswerFieldsMax = 256;
constexpr size_t kChunkLineBytesMax = 4096;
constexpr size_t kInterimsMax = 8;

Error broken(std::string_view cause) {
  return make_error(ErrorCode::upstream_failed, "the server's answer: " + std::string(cause));
}

}  // namespace

class ResponseReader::Parser final : public beast::http::basic_parser<false> {
 public:
  Parser(ClientResponse& response, std::string& body) : response_(response), body_(body) {
    header_limit(kAnswerHeaderBytesMax);
    body_limit(boost::none);
  }

 private:
  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int,
                       error_code&) override {}
  void on_response_impl(int code, beast::string_view, int, error_code&) override {
    response_.status = code;
  }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code& error) override {
    if (is_head_read_) return;  // a trailer
    if (response_.headers.size() >= kAnswerFieldsMax) {
      error = Fault::header_limit;
      return;
    }
    response_.headers.emplace_back(lower_ascii(std::string_view(name.data(), name.size())),
                                   std::string(value.data(), value.size()));
  }
  void on_header_impl(error_code&) override { is_head_read_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view bytes, error_code&) override {
    body_.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, error_code&) override {
    body_.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(error_code&) override {}

  ClientResponse& response_;
  std::string& body_;
  bool is_head_read_ = false;
};

ResponseReader::ResponseReader(bool is_head_request) : is_head_request_(is_head_request) {
  begin();
}

ResponseReader::~ResponseReader() = default;

void ResponseReader::begin() {
  response_ = ClientResponse();
  parser_ = std::make_unique<Parser>(response_, body_);
  if (is_head_request_) parser_->skip(true);
}

Status ResponseReader::feed(std::string_view bytes) {
  held_ += bytes;
  std::string_view rest = held_;
  error_code error;
  while (!rest.empty() && !is_complete() && !error) {
    const size_t taken = parser_->put({rest.data(), rest.size()}, error);
    rest.remove_prefix(taken);
    if (taken == 0 && !error) break;
    if (!parser_->is_done() || response_.status / 100 != 1) continue;
    if (response_.status == 101) return broken("it changes to a protocol nobody asked for");
    if (++interims_ > kInterimsMax) return broken("too many interim answers");
    begin();
  }
  if (error && error != Fault::need_more) return broken(error.message());
  if (is_complete()) rest = {};
  if (parser_->is_header_done() && rest.size() > kChunkLineBytesMax) {
    return broken("a chunk's size line is too long");
  }
  held_.erase(0, held_.size() - rest.size());
  return ok();
}

Status ResponseReader::end() {
  if (is_complete()) return ok();
  if (!parser_->got_some()) return broken("the connection was closed before it began");
  error_code error;
  parser_->put_eof(error);
  if (error) return broken("the connection was closed in the middle");
  return ok();
}

bool ResponseReader::is_head_read() const { return parser_->is_header_done(); }

bool ResponseReader::is_complete() const { return parser_->is_done(); }

std::optional<uint64_t> ResponseReader::content_length() const {
  const auto length = parser_->content_length();
  return length ? std::optional<uint64_t>(*length) : std::nullopt;
}

}  // namespace plinth::http

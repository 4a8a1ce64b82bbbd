// SPDX-License-Identifier: Apache-2.0
// One answer from bytes: its head by Beast's parser, its body here, with limits for what a foreign
// server may send.
#include "http/client/response_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>

#include "base/text.h"

namespace plinth::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using Fault = beast::http::error;

constexpr uint32_t kAnswerHeaderBytesMax = 64u << 10;
constexpr size_t kAnswerFieldsMax = 256;
constexpr std::string_view kHeaderEnd = "\r\n\r\n";
constexpr std::string_view kBegin = "HTTP/1.";
constexpr size_t kInterimsMax = 8;

Error broken(std::string_view cause) {
  return make_error(ErrorCode::upstream_failed, "the server's answer: " + std::string(cause));
}

}  // namespace

class ResponseReader::Parser final : public beast::http::basic_parser<false> {
 public:
  explicit Parser(ClientResponse& response) : response_(response) {
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
    if (response_.headers.size() >= kAnswerFieldsMax) {
      error = Fault::header_limit;
      return;
    }
    response_.headers.emplace_back(lower_ascii(std::string_view(name.data(), name.size())),
                                   std::string(value.data(), value.size()));
  }
  void on_header_impl(error_code&) override {}
  // Bodies are not read by this parser.
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, error_code&) override {
    return 0;
  }
  void on_finish_impl(error_code&) override {}

  ClientResponse& response_;
};

ResponseReader::ResponseReader(bool is_head_request) : is_head_request_(is_head_request) {}

ResponseReader::~ResponseReader() = default;

Status ResponseReader::feed(std::string_view bytes) {
  while (!bytes.empty() && phase_ == Phase::head) {
    const size_t before = head_.size();
    head_ += bytes;
    const size_t overlap = std::min(before, kHeaderEnd.size() - 1);
    const size_t end = head_.find(kHeaderEnd, before - overlap);
    if (!head_.starts_with(kBegin.substr(0, head_.size()))) return broken("it is not HTTP/1");
    if (std::min(end, head_.size()) > kAnswerHeaderBytesMax)
      return broken("its header is too large");
    if (end == std::string::npos) return ok();
    head_.resize(end + kHeaderEnd.size());
    bytes.remove_prefix(head_.size() - before);
    TRY(end_head());
  }
  if (phase_ == Phase::body) return feed_body(bytes);
  has_excess_ = has_excess_ || !bytes.empty();
  return ok();
}

Status ResponseReader::end_head() {
  response_ = ClientResponse();
  parser_ = std::make_unique<Parser>(response_);
  if (is_head_request_) parser_->skip(true);
  error_code error;
  parser_->put({head_.data(), head_.size()}, error);
  if (error || !parser_->is_header_done()) {
    return broken(error ? error.message() : "its header is malformed");
  }
  head_ = std::string();
  if (response_.status == 101) return broken("it changes to a protocol nobody asked for");
  if (response_.status / 100 == 1) {
    return ++interims_ > kInterimsMax ? Status(broken("too many interim answers")) : ok();
  }
  is_keep_alive_ = parser_->keep_alive();
  if (parser_->is_done()) {
    phase_ = Phase::complete;
    return ok();
  }
  phase_ = Phase::body;
  if (parser_->chunked()) {
    chunks_.emplace(std::numeric_limits<uint64_t>::max());
  } else if (!parser_->need_eof()) {
    left_of_body_ = parser_->content_length().value_or(0);
  }
  return ok();
}

Status ResponseReader::feed_body(std::string_view bytes) {
  if (chunks_) {
    const size_t taken = chunks_->feed(bytes, body_);
    if (chunks_->fault() != ChunkReader::Fault::none) return broken("a chunk is malformed");
    if (chunks_->is_complete()) phase_ = Phase::complete;
    has_excess_ = taken < bytes.size();
  } else if (left_of_body_) {
    const auto count = static_cast<size_t>(std::min<uint64_t>(*left_of_body_, bytes.size()));
    body_ += bytes.substr(0, count);
    *left_of_body_ -= count;
    has_excess_ = count < bytes.size();
    if (*left_of_body_ == 0) phase_ = Phase::complete;
  } else {
    body_ += bytes;
  }
  return ok();
}

Status ResponseReader::end() {
  if (phase_ == Phase::head) return broken("the connection was closed before its header ended");
  if (phase_ == Phase::body && (chunks_ || left_of_body_)) {
    return broken("the connection was closed in the middle");
  }
  phase_ = Phase::complete;
  return ok();
}

std::optional<uint64_t> ResponseReader::content_length() const {
  const auto length = parser_->content_length();
  return length ? std::optional<uint64_t>(*length) : std::nullopt;
}

}  // namespace plinth::http

// SPDX-License-Identifier: Apache-2.0
// One request from bytes: header rules (RFC 9112) checked byte by byte, the grammar by Beast,
// framing by both.
#include "http/server/request_reader.h"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/check.h"
#include "base/text.h"
#include "http/server/target.h"

namespace plinth::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;
using Fault = beast::http::error;

constexpr size_t kMethodBytesMax = 32;
constexpr size_t kHeaderFieldsMax = 128;
constexpr std::string_view kHeaderEnd = "\r\n\r\n";

// Fields that two readers of a repeated one would pick from differently.
constexpr std::string_view kSingleFields[] = {"host",         "content-length", "transfer-encoding",
                                              "content-type", "authorization",  "origin",
                                              "expect"};

std::string_view view_of(beast::string_view text) { return {text.data(), text.size()}; }

bool is_all(std::string_view text, auto predicate) {
  return !text.empty() && std::all_of(text.begin(), text.end(), predicate);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// uri-host [":" port], with the characters that names and addresses have.
bool is_host(std::string_view host) {
  std::string_view name = host;
  const size_t bracket = host.rfind(']');
  const size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const std::string_view port = host.substr(colon + 1);
    if (!is_all(port, is_digit) || port.size() > 5) return false;
    name = host.substr(0, colon);
  }
  const auto is_name_character = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_';
  };
  if (name.starts_with('[')) {
    if (!name.ends_with(']')) return false;
    return is_all(name.substr(1, name.size() - 2),
                  [&](char c) { return is_name_character(c) || c == ':'; });
  }
  return is_all(name, is_name_character);
}

// A request line that ends in a version, of whatever number.
bool has_version(std::string_view line) {
  constexpr std::string_view kName = " HTTP/";
  constexpr size_t kNumberBytes = 3;  // "1.1"
  if (line.size() < kName.size() + kNumberBytes) return false;
  const std::string_view number = line.substr(line.size() - kNumberBytes);
  line.remove_suffix(kNumberBytes);
  return line.ends_with(kName) && is_digit(number[0]) && number[1] == '.' && is_digit(number[2]);
}

}  // namespace

// Beast's events as a ServerRequest.
class RequestReader::Parser final : public beast::http::basic_parser<true> {
 public:
  Parser(ServerRequest& request, const RequestLimits& limits) : request_(request) {
    header_limit(static_cast<uint32_t>(limits.header_bytes_max + kHeaderEnd.size()));
    body_limit(limits.body_bytes_max);
  }
  int version() const { return version_; }
  bool has_too_many_fields() const { return has_too_many_fields_; }

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, error_code&) override {
    request_.method = view_of(method);
    request_.target = view_of(target);
    version_ = version;
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code& error) override {
    if (request_.headers.size() >= kHeaderFieldsMax) {
      has_too_many_fields_ = true;
      error = Fault::header_limit;
      return;
    }
    request_.headers.emplace_back(lower_ascii(view_of(name)), view_of(value));
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

  ServerRequest& request_;
  int version_ = 11;
  bool has_too_many_fields_ = false;
};

RequestReader::RequestReader(const RequestLimits& limits)
    : limits_(limits), parser_(std::make_unique<Parser>(request_, limits)) {}

RequestReader::~RequestReader() = default;

size_t RequestReader::feed(std::string_view bytes) {
  size_t taken = 0;
  if (state_ == State::header) taken = feed_header(bytes);
  if (state_ == State::body) taken += feed_body(bytes.substr(taken));
  return taken;
}

bool RequestReader::take_continue() {
  return std::exchange(wants_continue_, false) && state_ == State::body;
}

ServerRequest RequestReader::take() {
  CHECK(is_complete());
  return std::move(request_);
}

bool RequestReader::is_keep_alive() const { return is_complete() && parser_->keep_alive(); }

bool RequestReader::is_http10() const { return parser_->version() == 10; }

size_t RequestReader::feed_header(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ == State::header) {
    if (header_.size() >= limits_.header_bytes_max) {
      refuse(431, ErrorCode::too_large,
             "the request header is larger than " + std::to_string(limits_.header_bytes_max) +
                 " bytes");
      break;
    }
    const char byte = bytes[taken++];
    if (!scan_header_byte(byte)) break;
    if (byte == '\n' && header_.ends_with(kHeaderEnd)) end_header();
  }
  return taken;
}

// Refuses at the first wrong byte, so that a peer that never sends an empty line is told early.
bool RequestReader::scan_header_byte(char byte) {
  const char last = header_.empty() ? '\0' : header_.back();
  const auto code = static_cast<unsigned char>(byte);
  if ((code < 0x20 && byte != '\t' && byte != '\r' && byte != '\n') || code == 0x7f) {
    refuse(400, ErrorCode::malformed, "the request header holds a control character");
  } else if ((byte == '\n') != (last == '\r')) {
    refuse(400, ErrorCode::malformed, "a header line does not end in CR LF");
  } else if (last == '\n' && (byte == ' ' || byte == '\t')) {
    refuse(400, ErrorCode::malformed, "a header line is folded; send it as one line");
  } else if (header_.empty() && !((byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z'))) {
    refuse(400, ErrorCode::malformed, "the request does not begin with a method");
  } else {
    header_ += byte;
    return true;
  }
  return false;
}

void RequestReader::end_header() {
  error_code error;
  std::string_view rest = header_;
  while (!parser_->is_header_done() && !error && !rest.empty()) {
    rest.remove_prefix(parser_->put({rest.data(), rest.size()}, error));
  }
  if (parser_->has_too_many_fields()) {
    return refuse(431, ErrorCode::too_large,
                  "more than " + std::to_string(kHeaderFieldsMax) + " header fields");
  }
  if (error == Fault::body_limit) return refuse_body_size();
  if (error == Fault::bad_version) {
    const bool is_well_formed =
        has_version(std::string_view(header_).substr(0, header_.find('\r')));
    return refuse(is_well_formed ? 505 : 400, ErrorCode::malformed,
                  "the version is neither HTTP/1.0 nor HTTP/1.1");
  }
  if (error || !parser_->is_header_done()) {
    return refuse(400, ErrorCode::malformed,
                  "the request header is malformed" + (error ? ": " + error.message() : ""));
  }
  check_header();
  if (fault_) return;
  header_ = std::string();
  if (parser_->chunked()) {
    chunks_.emplace(limits_.body_bytes_max);
  } else {
    left_of_body_ = parser_->content_length().value_or(0);
  }
  state_ = chunks_ || left_of_body_ > 0 ? State::body : State::complete;
  wants_continue_ = state_ == State::body && parser_->version() == 11 && request_.header("expect");
}

void RequestReader::check_header() {
  if (request_.method.size() > kMethodBytesMax) {
    return refuse(400, ErrorCode::malformed, "the method is too long");
  }
  for (const std::string_view name : kSingleFields) {
    const auto count = std::count_if(request_.headers.begin(), request_.headers.end(),
                                     [&](const auto& header) { return header.first == name; });
    if (count > 1) {
      return refuse(400, ErrorCode::malformed,
                    "the header field '" + std::string(name) + "' stands twice");
    }
  }
  const auto host = request_.header("host");
  if (!host && parser_->version() == 11) {
    return refuse(400, ErrorCode::malformed, "an HTTP/1.1 request needs a Host field");
  }
  if (host && !is_host(*host)) {
    return refuse(400, ErrorCode::malformed, "the Host field is not a host and port");
  }
  check_framing();
  if (fault_) return;
  auto target = parse_target(request_.method, request_.target);
  if (target.is_error()) {
    return refuse(400, ErrorCode::malformed, std::move(target).error().message);
  }
  if (!target->authority.empty() && host && target->authority != lower_ascii(*host)) {
    return refuse(400, ErrorCode::malformed, "the target names another host than the Host field");
  }
  if (!target->authority.empty() && !is_host(target->authority)) {
    return refuse(400, ErrorCode::malformed, "the target's authority is not a host and port");
  }
  request_.path = std::move(target->path);
  request_.query = std::move(target->query);
}

// Where the body ends must be said once and in one way (RFC 9112, section 6).
void RequestReader::check_framing() {
  const auto length = request_.header("content-length");
  const auto encoding = request_.header("transfer-encoding");
  if (length && encoding) {
    return refuse(400, ErrorCode::malformed,
                  "both Content-Length and Transfer-Encoding; send one of them");
  }
  if (length && !is_all(*length, is_digit)) {
    return refuse(400, ErrorCode::malformed, "Content-Length is not a decimal number");
  }
  if (encoding && (lower_ascii(*encoding) != "chunked" || parser_->version() != 11)) {
    return refuse(400, ErrorCode::malformed,
                  "the only Transfer-Encoding read here is 'chunked', in HTTP/1.1");
  }
  const auto expectation = request_.header("expect");
  if (expectation && lower_ascii(*expectation) != "100-continue") {
    return refuse(417, ErrorCode::unsupported, "the only expectation met is 100-continue");
  }
}

size_t RequestReader::feed_body(std::string_view bytes) {
  if (!chunks_) {
    const auto count = static_cast<size_t>(std::min<uint64_t>(left_of_body_, bytes.size()));
    request_.body += bytes.substr(0, count);
    left_of_body_ -= count;
    if (left_of_body_ == 0) state_ = State::complete;
    return count;
  }
  const size_t taken = chunks_->feed(bytes, request_.body);
  if (chunks_->fault() == ChunkReader::Fault::too_large) {
    refuse_body_size();
  } else if (chunks_->fault() == ChunkReader::Fault::malformed) {
    refuse(400, ErrorCode::malformed, "a chunk of the request body or its trailer is malformed");
  } else if (chunks_->is_complete()) {
    state_ = State::complete;
  }
  return taken;
}

void RequestReader::refuse_body_size() {
  refuse(413, ErrorCode::too_large,
         "the body is larger than " + std::to_string(limits_.body_bytes_max) + " bytes");
}

void RequestReader::refuse(int status, ErrorCode code, std::string message) {
  if (fault_) return;
  state_ = State::faulty;
  const auto target = parse_target(request_.method, request_.target);
  fault_ = RequestFault{status, make_error(code, std::move(message)),
                        target.is_ok() ? target->path : std::string()};
}

}  // namespace plinth::http

// SPDX-License-Identifier: Apache-2.0
// For tests: a peer on a plain blocking socket that sends exactly the bytes it is told and reads
// answers on its own, apart from the code under test.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"

namespace plinth::http {

struct TestAnswer {
  int status = 0;
  std::string head;  // status line and fields
  std::string body;
  bool is_whole = false;
  std::string field(std::string_view name) const {
    for (std::string_view line : split(head, '\n')) {
      const size_t colon = line.find(':');
      if (colon == std::string_view::npos || lower_ascii(line.substr(0, colon)) != name) continue;
      return std::string(trim(line.substr(colon + 1)));
    }
    return {};
  }
};

class TestPeer {
 public:
  explicit TestPeer(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~TestPeer() { close(); }
  TestPeer(const TestPeer&) = delete;
  TestPeer& operator=(const TestPeer&) = delete;

  bool is_connected() const { return is_connected_; }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void shutdown_send() { ::shutdown(socket_, SHUT_WR); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // Reads more bytes into received(); false at the end of the stream or after the span.
  bool receive(std::chrono::milliseconds span = std::chrono::seconds(5)) {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(span.count())) <= 0) return false;
    char buffer[64u << 10];
    const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
    if (count <= 0) {
      is_ended_ = true;
      return false;
    }
    received_.append(buffer, static_cast<size_t>(count));
    return true;
  }

  // True when the server closed (within the span) and nothing is left to read.
  bool is_closed_within(std::chrono::milliseconds span) {
    const auto until = std::chrono::steady_clock::now() + span;
    while (!is_ended_ && std::chrono::steady_clock::now() < until) {
      receive(std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now()));
    }
    return is_ended_;
  }
  const std::string& received() const { return received_; }

  enum class Method { other, head };
  // The next answer; status 0 when none came. What follows it stays for the next call.
  TestAnswer read_answer(Method method = Method::other,
                         std::chrono::milliseconds span = std::chrono::seconds(5)) {
    TestAnswer answer;
    size_t end = std::string::npos;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive(span)) return answer;
    }
    answer.head = received_.substr(0, end + 2);
    received_.erase(0, end + 4);
    answer.status = std::atoi(answer.head.c_str() + std::string_view("HTTP/1.1 ").size());
    const bool has_body =
        method != Method::head && answer.status / 100 != 1 && answer.status != 204;
    if (!has_body) {
      answer.is_whole = true;
    } else if (answer.field("transfer-encoding") == "chunked") {
      answer.is_whole = read_chunks(answer.body, span);
    } else if (const std::string length = answer.field("content-length"); !length.empty()) {
      answer.is_whole = take(std::strtoull(length.c_str(), nullptr, 10), answer.body, span);
    } else {
      while (receive(span)) continue;
      answer.body = std::exchange(received_, {});
      answer.is_whole = is_ended_;
    }
    return answer;
  }

 private:
  bool take(size_t count, std::string& out, std::chrono::milliseconds span) {
    while (received_.size() < count) {
      if (!receive(span)) return false;
    }
    out += received_.substr(0, count);
    received_.erase(0, count);
    return true;
  }

  bool read_chunks(std::string& body, std::chrono::milliseconds span) {
    for (;;) {
      size_t end = std::string::npos;
      while ((end = received_.find("\r\n")) == std::string::npos) {
        if (!receive(span)) return false;
      }
      const size_t size = std::strtoull(received_.c_str(), nullptr, 16);
      received_.erase(0, end + 2);
      std::string ending;
      if (!take(size, body, span) || !take(2, ending, span) || ending != "\r\n") return false;
      if (size == 0) return true;
    }
  }

  int socket_;
  bool is_connected_ = false;
  bool is_ended_ = false;
  std::string received_;
};

}  // namespace plinth::http

// SPDX-License-Identifier: Apache-2.0
// Started calls: kept connections, stale ones, times, cancellation, slow readers, many at once.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "http/client.h"
#include "http/server/test_peer.h"
#include "http/sse.h"

namespace plinth::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

// Plays a part on every connection, each on a thread of its own, and closes it after that.
class SocketServer {
 public:
  using Part = std::function<void(int socket, int connection)>;
  explicit SocketServer(Part part) : part_(std::move(part)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_, 64), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~SocketServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  int connections() const { return connections_; }

 private:
  void accept_all() {
    for (;;) {
      const int peer = ::accept(listener_, nullptr, nullptr);
      if (peer < 0) return;
      threads_.emplace_back([this, peer, number = connections_++] {
        part_(peer, number);
        ::close(peer);
      });
    }
  }

  const Part part_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::thread acceptor_;
  std::vector<std::thread> threads_;
};

// Reads one request without a body; false at the end.
bool read_request(int socket) {
  std::string request;
  char byte = 0;
  while (!request.ends_with("\r\n\r\n")) {
    if (::recv(socket, &byte, 1, 0) <= 0) return false;
    request += byte;
  }
  return true;
}

void say(int socket, std::string_view bytes) {
  ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

void answer_all(int socket) {
  while (read_request(socket)) say(socket, kAnswer);
}

void read_until_end(int socket) {
  char bytes[4096];
  while (::recv(socket, bytes, sizeof bytes, 0) > 0) continue;
}

// Takes the second request of its first connection and closes without a byte, as a peer may that
// had closed before the request came.
void answer_all_but_the_second(int socket, int connection) {
  if (connection > 0) return answer_all(socket);
  if (read_request(socket)) say(socket, kAnswer);
  read_request(socket);
}

ClientRequest get(std::string url) {
  ClientRequest request;
  request.url = std::move(url);
  return request;
}

ClientRequest post(std::string url) {
  ClientRequest request = get(std::move(url));
  request.method = "POST";
  return request;
}

// A call whose end can be waited for.
struct Started {
  Started(Client& client, ClientRequest request,
          std::function<bool(std::string_view)> on_bytes = {}) {
    auto promise = std::make_shared<std::promise<Result<ClientResponse>>>();
    end = promise->get_future();
    call = client.start(std::move(request), {.on_bytes = std::move(on_bytes),
                                             .on_end = [promise](Result<ClientResponse> result) {
                                               promise->set_value(std::move(result));
                                             }});
  }
  Result<ClientResponse> wait() {
    if (end.wait_for(seconds(20)) != std::future_status::ready) {
      return make_error(ErrorCode::internal, "the call never ended");
    }
    return end.get();
  }
  std::future<Result<ClientResponse>> end;
  std::shared_ptr<ClientCall> call;
};

Result<ClientResponse> run(Client& client, ClientRequest request) {
  return Started(client, std::move(request)).wait();
}

TEST(ClientStart, uses_a_connection_again) {
  SocketServer server([](int socket, int) { answer_all(socket); });
  const auto client = create_client();
  for (int i = 0; i < 20; ++i) {
    const auto response = run(*client, get(server.url()));
    ASSERT_TRUE(response.is_ok()) << response.error().message;
    EXPECT_EQ(response->body, "ok");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(ClientStart, uses_it_again_after_a_stream_whose_reader_stopped_before_the_last_chunk) {
  SocketServer server([](int socket, int) {
    while (read_request(socket)) {
      say(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n[DONE]\r\n");
      std::this_thread::sleep_for(milliseconds(50));
      say(socket, "0\r\n\r\n");
    }
  });
  const auto client = create_client();
  for (int i = 0; i < 3; ++i) {
    Started call(*client, get(server.url()), [](std::string_view) { return false; });
    ASSERT_TRUE(call.wait().is_ok());
    std::this_thread::sleep_for(milliseconds(200));
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(ClientStart, keeps_no_connection_that_is_not_clean) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more than was said"}) {
    SocketServer server([&](int socket, int) {
      while (read_request(socket)) say(socket, answer);
    });
    const auto client = create_client();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(run(*client, get(server.url())).is_ok());
    EXPECT_EQ(server.connections(), 3) << answer;
  }
}

TEST(ClientStart, sends_once_more_what_met_a_connection_closed_by_its_peer) {
  for (const bool is_post : {false, true}) {
    SocketServer server(answer_all_but_the_second);
    const auto client = create_client();
    ASSERT_TRUE(run(*client, get(server.url())).is_ok());
    ClientRequest request = is_post ? post(server.url()) : get(server.url());
    request.may_repeat = is_post;
    const auto response = run(*client, std::move(request));
    ASSERT_TRUE(response.is_ok()) << response.error().message;
    EXPECT_EQ(response->body, "ok");
    EXPECT_EQ(server.connections(), 2);
  }
}

TEST(ClientStart, sends_a_post_once_that_may_have_been_acted_on) {
  SocketServer server(answer_all_but_the_second);
  const auto client = create_client();
  ASSERT_TRUE(run(*client, get(server.url())).is_ok());
  const auto response = run(*client, post(server.url()));
  ASSERT_TRUE(response.is_error());
  EXPECT_EQ(response.error().code, ErrorCode::unavailable);
  const std::string& message = response.error().message;
  EXPECT_NE(message.find("closed before any answer"), std::string::npos) << message;
  EXPECT_EQ(server.connections(), 1);
}

TEST(ClientStart, sends_nothing_twice_over_a_new_connection_or_after_a_byte) {
  std::atomic<int> requests{0};
  SocketServer closing([&](int socket, int) {
    if (read_request(socket)) ++requests;
  });
  const auto client = create_client();
  EXPECT_EQ(run(*client, get(closing.url())).error().code, ErrorCode::upstream_failed);
  EXPECT_EQ(requests, 1);
  SocketServer begun([&](int socket, int) {
    if (!read_request(socket)) return;
    say(socket, kAnswer);
    if (!read_request(socket)) return;
    ++requests;
    say(socket, "HTTP/1.1 200");
  });
  EXPECT_TRUE(run(*client, get(begun.url())).is_ok());
  EXPECT_EQ(run(*client, get(begun.url())).error().code, ErrorCode::upstream_failed);
  EXPECT_EQ(requests, 2);
}

TEST(ClientStart, sends_nothing_twice_after_a_time_that_passed) {
  std::atomic<int> requests{0};
  SocketServer server([&](int socket, int) {
    if (!read_request(socket)) return;
    say(socket, kAnswer);
    while (read_request(socket)) ++requests;
  });
  const auto client = create_client();
  ASSERT_TRUE(run(*client, get(server.url())).is_ok());
  ClientRequest request = get(server.url());
  request.first_byte_max = milliseconds(100);
  EXPECT_EQ(run(*client, std::move(request)).error().code, ErrorCode::deadline_exceeded);
  EXPECT_EQ(requests, 1);
  EXPECT_EQ(server.connections(), 1);
}

TEST(ClientStart, keeps_no_connection_with_half_a_request_on_it) {
  // The peer answers before it reads a body that is larger than what the kernel holds.
  for (const bool is_streamed : {false, true}) {
    SocketServer server([](int socket, int connection) {
      if (connection > 0) return answer_all(socket);
      if (!read_request(socket)) return;
      say(socket, kAnswer);
      std::this_thread::sleep_for(milliseconds(200));
      read_until_end(socket);
    });
    const auto client = create_client();
    ClientRequest request = post(server.url());
    request.body.assign(64u << 20, 'x');
    std::function<bool(std::string_view)> on_bytes;
    if (is_streamed) on_bytes = [](std::string_view) { return false; };
    Started first(*client, std::move(request), on_bytes);
    ASSERT_TRUE(first.wait().is_ok());
    const auto second = run(*client, get(server.url()));
    ASSERT_TRUE(second.is_ok()) << second.error().message;
    EXPECT_EQ(second->body, "ok");
    EXPECT_EQ(server.connections(), 2);
  }
}

TEST(ClientStart, takes_no_kept_connection_on_which_something_waits) {
  for (const bool is_closed : {false, true}) {
    std::promise<void> asked;
    std::promise<void> done;
    SocketServer server([&](int socket, int connection) {
      if (connection > 0) return answer_all(socket);
      if (read_request(socket)) say(socket, kAnswer);
      asked.get_future().wait_for(seconds(5));
      if (is_closed) ::shutdown(socket, SHUT_WR);
      if (!is_closed) say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray");
      done.set_value();
      read_request(socket);
    });
    EventLoop loop;
    loop.start();
    const auto client = create_client({.loops = {&loop}});
    ASSERT_TRUE(run(*client, get(server.url())).is_ok());
    std::promise<std::unique_ptr<Started>> begun;
    loop.post([&] {
      // While the loop is here, the connection's listener hears nothing.
      asked.set_value();
      done.get_future().wait_for(seconds(5));
      std::this_thread::sleep_for(milliseconds(20));
      begun.set_value(std::make_unique<Started>(*client, post(server.url())));
    });
    const auto response = begun.get_future().get()->wait();
    ASSERT_TRUE(response.is_ok()) << response.error().message;
    EXPECT_EQ(response->body, "ok");
    EXPECT_EQ(server.connections(), 2);
  }
}

TEST(ClientStart, notices_at_once_when_an_idle_connection_is_closed) {
  SocketServer server([](int socket, int) {
    if (read_request(socket)) say(socket, kAnswer);
  });
  const auto client = create_client();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(run(*client, get(server.url())).is_ok());
    std::this_thread::sleep_for(milliseconds(50));
    EXPECT_EQ(server.connections(), i);
  }
}

TEST(ClientStart, names_the_phase_that_took_too_long) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "first byte"}, {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "more bytes"}};
  const auto client = create_client();
  for (const auto& [answer, phase] : cases) {
    SocketServer server([text = answer](int socket, int) {
      if (read_request(socket)) say(socket, text);
      read_request(socket);
    });
    ClientRequest request = get(server.url());
    request.first_byte_max = request.between_bytes_max = milliseconds(100);
    const auto begun = Clock::now();
    const auto response = run(*client, std::move(request));
    ASSERT_TRUE(response.is_error());
    EXPECT_EQ(response.error().code, ErrorCode::deadline_exceeded);
    EXPECT_NE(response.error().message.find(phase), std::string::npos) << response.error().message;
    EXPECT_LT(Clock::now() - begun, seconds(2));
  }
}

TEST(ClientStart, cancelling_ends_the_call_and_closes_the_connection) {
  std::promise<void> closed;
  SocketServer server([&](int socket, int) {
    if (read_request(socket)) say(socket, "HTTP/1.1 200 OK\r\n\r\nbegun");
    char byte = 0;
    if (::recv(socket, &byte, 1, 0) <= 0) closed.set_value();
  });
  const auto client = create_client();
  std::promise<void> begun;
  Started call(*client, get(server.url()), [&](std::string_view) {
    begun.set_value();
    return true;
  });
  ASSERT_EQ(begun.get_future().wait_for(seconds(5)), std::future_status::ready);
  call.call->cancel();
  EXPECT_EQ(call.wait().error().code, ErrorCode::cancelled);
  EXPECT_EQ(closed.get_future().wait_for(seconds(5)), std::future_status::ready);
}

TEST(ClientStart, destroying_the_client_ends_every_call) {
  SocketServer server([](int socket, int) {
    while (read_request(socket)) continue;
  });
  std::vector<std::unique_ptr<Started>> calls;
  {
    const auto client = create_client();
    for (int i = 0; i < 8; ++i)
      calls.push_back(std::make_unique<Started>(*client, get(server.url())));
  }
  for (const auto& call : calls) EXPECT_EQ(call->wait().error().code, ErrorCode::cancelled);
}

TEST(ClientStart, destroying_the_client_waits_for_the_refusals) {
  EventLoop loop;
  loop.start();
  for (int i = 0; i < 200; ++i) {
    std::atomic<int> ends{0};
    auto client = i % 2 == 0 ? create_client() : create_client({.loops = {&loop}});
    client->start(get("ftp://x"), {.on_end = [&](const Result<ClientResponse>&) { ++ends; }});
    client.reset();
    ASSERT_EQ(ends, 1);
  }
}

TEST(ClientStart, a_call_started_while_the_client_is_destroyed_is_cancelled) {
  SocketServer server([](int socket, int) { read_until_end(socket); });
  std::atomic<int> ends{0};
  {
    const auto client = create_client();
    const auto start_another = [&, raw = client.get()](const Result<ClientResponse>& first) {
      EXPECT_EQ(first.error().code, ErrorCode::cancelled);
      ++ends;
      raw->start(get(server.url()), {.on_end = [&](const Result<ClientResponse>& second) {
                   EXPECT_EQ(second.error().code, ErrorCode::cancelled);
                   ++ends;
                 }});
    };
    client->start(get(server.url()), {.on_end = start_another});
  }
  EXPECT_EQ(ends, 2);
}

TEST(ClientStart, a_paused_reader_holds_its_peer_back) {
  std::atomic<size_t> sent{0};
  constexpr size_t kTotal = 64u << 20;
  SocketServer server([&](int socket, int) {
    if (!read_request(socket)) return;
    say(socket, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kTotal) + "\r\n\r\n");
    const std::string block(64u << 10, 'x');
    while (sent < kTotal) {
      if (::send(socket, block.data(), block.size(), MSG_NOSIGNAL) <= 0) return;
      sent += block.size();
    }
  });
  std::atomic<size_t> received{0};
  const auto client = create_client();
  ClientRequest request = get(server.url());
  request.between_bytes_max = milliseconds(200);
  Started call(*client, std::move(request), [&](std::string_view bytes) {
    received += bytes.size();
    return true;
  });
  call.call->pause();
  // It stops within what the kernel holds, and the time between bytes stands still.
  std::this_thread::sleep_for(milliseconds(500));
  const size_t held = sent;
  std::this_thread::sleep_for(milliseconds(200));
  ASSERT_LT(received, kTotal);
  EXPECT_EQ(sent, held);
  call.call->resume();
  const auto response = call.wait();
  ASSERT_TRUE(response.is_ok()) << response.error().message;
  EXPECT_EQ(received, kTotal);
}

TEST(ClientStart, a_reader_that_resumes_before_the_first_byte_waits_for_the_first_byte) {
  SocketServer server([](int socket, int) {
    if (!read_request(socket)) return;
    std::this_thread::sleep_for(milliseconds(600));
    say(socket, kAnswer);
  });
  const auto client = create_client();
  ClientRequest request = get(server.url());
  request.between_bytes_max = milliseconds(100);
  Started call(*client, std::move(request));
  call.call->pause();
  std::this_thread::sleep_for(milliseconds(50));
  call.call->resume();
  const auto response = call.wait();
  EXPECT_TRUE(response.is_ok()) << response.error().message;
}

TEST(ClientStart, refuses_what_send_refuses_and_never_from_within_start) {
  const auto client = create_client();
  std::atomic<bool> is_inside{true};
  std::promise<Error> told;
  ClientRequest request = get("ftp://x");
  client->start(std::move(request), {.on_end = [&](const Result<ClientResponse>& result) {
                  while (is_inside) std::this_thread::yield();
                  told.set_value(result.error());
                }});
  is_inside = false;
  EXPECT_EQ(told.get_future().get().code, ErrorCode::invalid_argument);
  ClientRequest denied = get("http://localhost:1/");
  denied.may_connect = [](const std::string&) { return false; };
  EXPECT_EQ(run(*client, std::move(denied)).error().code, ErrorCode::denied);
  EXPECT_EQ(run(*client, get("http://no-such-host.invalid/")).error().code, ErrorCode::unavailable);
  ClientRequest smuggling = get("http://127.0.0.1:1/");
  smuggling.headers = {{"x-a", "1\r\nx-b: 2"}};
  EXPECT_EQ(run(*client, std::move(smuggling)).error().code, ErrorCode::invalid_argument);
}

TEST(ClientStart, refuses_never_from_within_start_on_the_loop_of_the_call_either) {
  std::atomic<int> ends{0};
  EventLoop loop;
  loop.start();
  const auto client = create_client({.loops = {&loop}});
  std::promise<int> ends_within;
  loop.post([&] {
    ClientRequest smuggling = get("http://127.0.0.1:1/");
    smuggling.headers = {{"x-a", "1\r\nx-b: 2"}};
    ClientRequest denied = get("http://127.0.0.1:1/");
    denied.may_connect = [](const std::string&) { return false; };
    for (const ClientRequest& request : {get("ftp://x"), smuggling, denied}) {
      client->start(request, {.on_end = [&](const Result<ClientResponse>& result) {
                      EXPECT_TRUE(result.is_error());
                      ++ends;
                    }});
    }
    ends_within.set_value(ends);
  });
  EXPECT_EQ(ends_within.get_future().get(), 0);
  // What a task leaves behind runs after the tasks posted meanwhile.
  for (int i = 0; i < 2; ++i) {
    std::promise<void> fence;
    loop.post([&] { fence.set_value(); });
    fence.get_future().wait();
  }
  EXPECT_EQ(ends, 3);
}

TEST(ClientStart, refuses_an_answer_larger_than_the_limit) {
  SocketServer server([](int socket, int) {
    if (read_request(socket)) say(socket, "HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'x'));
  });
  const auto client = create_client();
  ClientRequest request = get(server.url());
  request.body_bytes_max = 4999;
  EXPECT_EQ(run(*client, std::move(request)).error().code, ErrorCode::too_large);
}

TEST(ClientStart, many_streams_at_once_lose_no_event) {
  constexpr int kStreams = 200;
  constexpr int kEvents = 50;
  EventLoop loop;
  loop.start();
  ServerOptions options;
  options.shared_loops = {&loop};
  options.is_quick = [](const ServerRequest&) { return true; };
  const auto server =
      MUST(Server::create(options,
                          [&loop](const ServerRequest&, ResponseWriter writer) {
                            auto shared = std::make_shared<ResponseWriter>(std::move(writer));
                            shared->begin_stream(200, {});
                            auto step = std::make_shared<std::function<void(int)>>();
                            *step = [shared, &loop, weak = std::weak_ptr(step)](int event) {
                              shared->write(encode_sse_data(std::to_string(event)));
                              if (event + 1 == kEvents) return shared->end();
                              loop.schedule(milliseconds(1),
                                            [event, step = weak.lock()] { (*step)(event + 1); });
                            };
                            (*step)(0);
                          }),
           "a free loopback port can be bound");
  {
    const auto client = create_client({.loops = {&loop}});
    std::vector<std::unique_ptr<Started>> calls;
    std::vector<int> seen(kStreams, 0);
    std::vector<SseParser> parsers(kStreams);
    for (int i = 0; i < kStreams; ++i) {
      calls.push_back(std::make_unique<Started>(
          *client, get("http://127.0.0.1:" + std::to_string(server->port()) + "/"),
          [&, i](std::string_view bytes) {
            for (const SseEvent& event : MUST(parsers[i].feed(bytes), "they are events")) {
              EXPECT_EQ(event.data, std::to_string(seen[i]++));
            }
            return true;
          }));
    }
    for (const auto& call : calls) {
      const auto response = call->wait();
      EXPECT_TRUE(response.is_ok());
    }
    for (const int count : seen) EXPECT_EQ(count, kEvents);
  }
}

}  // namespace
}  // namespace plinth::http

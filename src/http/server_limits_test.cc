// SPDX-License-Identifier: Apache-2.0
// What the server does at each of its limits: sizes, times, counts, descriptors.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "http/server.h"
#include "http/server/test_peer.h"

namespace plinth::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

void echo(const ServerRequest& request, ResponseWriter writer) {
  writer.respond(ServerResponse::text(200, request.body));
}

std::unique_ptr<Server> serve(const ServerOptions& options, Handler handler = echo) {
  return MUST(Server::create(options, std::move(handler)), "a free loopback port can be bound");
}

TEST(ServerLimits, answers_431_to_a_header_that_is_too_large) {
  ServerOptions options;
  options.header_bytes_max = 1024;
  const auto server = serve(options);
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(4096, 'x')));
  EXPECT_EQ(peer.read_answer().status, 431);
  EXPECT_TRUE(peer.is_closed_within(seconds(3)));
}

TEST(ServerLimits, answers_413_to_a_body_that_is_too_large_while_it_is_sent) {
  ServerOptions options;
  options.body_bytes_max = 1000;
  const auto server = serve(options);
  for (const std::string& framing : {"Content-Length: 500000\r\n\r\n" + std::string(500000, 'x'),
                                     "Transfer-Encoding: chunked\r\n\r\n7A120\r\n" +
                                         std::string(500000, 'x') + "\r\n0\r\n\r\n"}) {
    TestPeer peer(server->port());
    ASSERT_TRUE(peer.send("POST / HTTP/1.1\r\nHost: a\r\n" + framing));
    EXPECT_EQ(peer.read_answer().status, 413);
  }
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" +
                        std::string(1000, 'x')));
  EXPECT_EQ(peer.read_answer().body.size(), 1000u);
}

TEST(ServerLimits, answers_408_to_a_request_that_trickles) {
  ServerOptions options;
  options.request_max = milliseconds(200);
  const auto server = serve(options);
  TestPeer peer(server->port());
  const auto start = Clock::now();
  std::atomic<bool> is_over{false};
  std::thread trickle([&] {
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n");
    while (!is_over && peer.send("X: y\r\n")) std::this_thread::sleep_for(milliseconds(20));
  });
  EXPECT_EQ(peer.read_answer().status, 408);
  EXPECT_GE(Clock::now() - start, milliseconds(190));
  EXPECT_LT(Clock::now() - start, seconds(2));
  is_over = true;
  trickle.join();
}

TEST(ServerLimits, closes_an_idle_connection_without_an_answer) {
  ServerOptions options;
  options.idle_max = milliseconds(100);
  const auto server = serve(options);
  TestPeer fresh(server->port());
  TestPeer used(server->port());
  ASSERT_TRUE(used.send(kGet));
  EXPECT_EQ(used.read_answer().status, 200);
  EXPECT_TRUE(fresh.is_closed_within(seconds(2)));
  EXPECT_TRUE(used.is_closed_within(seconds(2)));
  EXPECT_EQ(fresh.received() + used.received(), "");
}

TEST(ServerLimits, gives_up_on_a_peer_that_takes_no_bytes) {
  ServerOptions options;
  options.write_stall_max = milliseconds(200);
  std::atomic<bool> is_closed{false};
  const auto server = serve(options, [&](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, {});
    writer.on_close([&] { is_closed = true; });
    const std::string piece(32u << 10, 'x');
    const auto until = Clock::now() + seconds(5);
    while (!is_closed && Clock::now() < until) {
      // Below the stream's own buffer limit, so that only the stall can end it.
      writer.write(piece);
      std::this_thread::sleep_for(milliseconds(5));
    }
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(kGet));
  const auto until = Clock::now() + seconds(5);
  while (!is_closed && Clock::now() < until) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_TRUE(is_closed);
}

TEST(ServerLimits, answers_503_beyond_the_connections_it_keeps) {
  ServerOptions options;
  options.connections_max = 2;
  const auto server = serve(options);
  TestPeer first(server->port());
  TestPeer second(server->port());
  ASSERT_TRUE(first.send(kGet));
  EXPECT_EQ(first.read_answer().status, 200);
  ASSERT_TRUE(second.send(kGet));
  EXPECT_EQ(second.read_answer().status, 200);
  TestPeer third(server->port());
  EXPECT_EQ(third.read_answer().status, 503);
  third.close();
  first.close();
  // The place that got free is given again.
  int status = 0;
  for (int i = 0; i < 50 && status != 200; ++i) {
    TestPeer next(server->port());
    next.send(kGet);
    status = next.read_answer().status;
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(status, 200);
}

TEST(ServerLimits, answers_503_when_the_queue_of_requests_is_full) {
  ServerOptions options;
  options.workers = 1;
  options.worker_queue_max = 1;
  std::atomic<bool> is_released{false};
  std::atomic<int> begun{0};
  const auto server = serve(options, [&](const ServerRequest& request, ResponseWriter writer) {
    ++begun;
    while (!is_released) std::this_thread::sleep_for(milliseconds(1));
    echo(request, std::move(writer));
  });
  TestPeer running(server->port());
  ASSERT_TRUE(running.send(kGet));
  while (begun == 0) std::this_thread::sleep_for(milliseconds(1));
  TestPeer other(server->port());
  TestPeer another(server->port());
  ASSERT_TRUE(other.send(kGet));
  ASSERT_TRUE(another.send(kGet));
  const TestAnswer refused = [&] {
    while (true) {
      if (other.receive(milliseconds(5))) return other.read_answer();
      if (another.receive(milliseconds(5))) return another.read_answer();
    }
  }();
  EXPECT_EQ(refused.status, 503);
  is_released = true;
  EXPECT_EQ(running.read_answer().status, 200);
}

TEST(ServerLimits, holds_a_pipelining_peer_back_and_still_answers_it_all) {
  std::atomic<bool> is_released{false};
  const auto server = serve({}, [&](const ServerRequest& request, ResponseWriter writer) {
    while (!is_released) std::this_thread::sleep_for(milliseconds(1));
    echo(request, std::move(writer));
  });
  const std::string body(10'000, 'b');
  const std::string request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n" + body;
  TestPeer peer(server->port());
  constexpr int kRequests = 100;  // a megabyte: more than is held while the first is answered
  std::thread sender([&] {
    for (int i = 0; i < kRequests; ++i) EXPECT_TRUE(peer.send(request));
  });
  std::this_thread::sleep_for(milliseconds(50));
  is_released = true;
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(peer.read_answer().body, body) << i;
  sender.join();
}

// Takes every free descriptor of the process, so that accept fails with EMFILE.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = 256;
    setrlimit(RLIMIT_NOFILE, &low);
    for (int copy = dup(0); copy >= 0; copy = dup(0)) taken_.push_back(copy);
  }
  ~NoDescriptors() {
    for (const int copy : taken_) ::close(copy);
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  bool is_exhausted() const { return !taken_.empty(); }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST(ServerLimits, survives_running_out_of_descriptors) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer looks at memory through pipes and needs descriptors itself";
#endif
  const auto server = serve({});
  const int reserved = open("/dev/null", O_RDONLY);
  ASSERT_GE(reserved, 0);
  std::optional<TestPeer> peer;
  {
    NoDescriptors none;
    ASSERT_TRUE(none.is_exhausted());
    ::close(reserved);
    peer.emplace(
        server->port());  // takes the one free descriptor; the kernel completes the handshake
    ASSERT_TRUE(peer->is_connected());
    ASSERT_TRUE(peer->send(kGet));
    EXPECT_FALSE(peer->receive(milliseconds(250)));
  }
  EXPECT_EQ(peer->read_answer().status, 200);
}

}  // namespace
}  // namespace plinth::http

// SPDX-License-Identifier: Apache-2.0
// Streamed answers: nothing lost, slow readers cut, peers that leave noticed, drain.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "http/server.h"
#include "http/server/test_peer.h"
#include "http/sse.h"

namespace plinth::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const Headers kEventStream = {{"content-type", "text/event-stream"}};

std::unique_ptr<Server> serve(Handler handler, ServerOptions options = {}) {
  return MUST(Server::create(options, std::move(handler)), "a free loopback port can be bound");
}

// A flag that one thread raises and another waits for.
class Raised {
 public:
  void raise() {
    const std::lock_guard lock(mutex_);
    is_raised_ = true;
    changed_.notify_all();
  }
  bool wait(milliseconds span) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, span, [&] { return is_raised_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_raised_ = false;
};

std::vector<SseEvent> events_of(std::string_view body) {
  SseParser parser;
  return MUST(parser.feed(body), "the server wrote well-formed events");
}

TEST(ServerStream, loses_none_of_a_thousand_events) {
  const auto server = serve([](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, kEventStream);
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(writer.write(encode_sse_data("event " + std::to_string(i))));
    }
    writer.end();
  });
  TestPeer peer(server->port());
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(peer.send(kGet));
    const TestAnswer answer = peer.read_answer();
    EXPECT_TRUE(answer.is_whole);
    EXPECT_EQ(answer.field("content-type"), "text/event-stream");
    const auto events = events_of(answer.body);
    ASSERT_EQ(events.size(), 1000u);
    for (size_t i = 0; i < events.size(); ++i)
      EXPECT_EQ(events[i].data, "event " + std::to_string(i));
  }
}

TEST(ServerStream, is_written_from_a_thread_of_the_handlers_choice) {
  std::thread producer;
  const auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    producer = std::thread([writer = std::move(writer)]() mutable {
      writer.begin_stream(200, kEventStream);
      for (int i = 0; i < 20; ++i) {
        writer.write(encode_sse_data(std::to_string(i)));
        std::this_thread::sleep_for(milliseconds(1));
      }
    });  // the writer's end is the stream's end
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(kGet));
  const TestAnswer answer = peer.read_answer();
  EXPECT_TRUE(answer.is_whole);
  EXPECT_EQ(events_of(answer.body).size(), 20u);
  producer.join();
}

TEST(ServerStream, is_plain_and_ends_by_closing_for_http10) {
  const auto server = serve([](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, kEventStream);
    writer.write("abc");
    writer.end();
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  const TestAnswer answer = peer.read_answer();
  EXPECT_EQ(answer.field("transfer-encoding"), "");
  EXPECT_EQ(answer.body, "abc");
  EXPECT_TRUE(answer.is_whole);
}

TEST(ServerStream, has_no_body_for_head) {
  const auto server = serve([](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, kEventStream);
    EXPECT_TRUE(writer.write("abc"));
    writer.end();
  });
  TestPeer peer(server->port());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_EQ(peer.read_answer(TestPeer::Method::head).status, 200);
  }
  EXPECT_FALSE(peer.receive(milliseconds(50)));
  EXPECT_EQ(peer.received(), "");
}

TEST(ServerStream, tells_at_once_that_the_peer_left_while_nothing_is_written) {
  Raised begun;
  Raised closed;
  std::optional<ResponseWriter> kept;
  const auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, kEventStream);
    writer.write(encode_sse_data("first"));
    writer.on_close([&] { closed.raise(); });
    kept.emplace(std::move(writer));
    begun.raise();
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(kGet));
  ASSERT_TRUE(begun.wait(seconds(5)));
  EXPECT_TRUE(kept->is_open());
  const auto start = Clock::now();
  peer.close();
  ASSERT_TRUE(closed.wait(seconds(5)));
  EXPECT_LT(Clock::now() - start, seconds(1));
  EXPECT_FALSE(kept->is_open());
  EXPECT_FALSE(kept->write("late"));
  Raised late;
  kept->on_close([&] { late.raise(); });
  EXPECT_TRUE(late.wait(seconds(5)));
}

TEST(ServerStream, tells_that_the_peer_left_before_any_answer) {
  Raised begun;
  Raised closed;
  Raised release;
  const auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    writer.on_close([&] { closed.raise(); });
    begun.raise();
    release.wait(seconds(5));
    writer.respond(ServerResponse::text(200, "for nobody"));
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(kGet));
  ASSERT_TRUE(begun.wait(seconds(5)));
  peer.close();
  EXPECT_TRUE(closed.wait(seconds(1)));
  release.raise();
}

TEST(ServerStream, does_not_call_on_close_after_the_answer_ended) {
  std::atomic<int> closed{0};
  auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    writer.on_close([&] { ++closed; });
    writer.respond(ServerResponse::text(200, "ok"));
  });
  {
    TestPeer peer(server->port());
    ASSERT_TRUE(peer.send(kGet));
    EXPECT_EQ(peer.read_answer().body, "ok");
  }
  server.reset();
  EXPECT_EQ(closed, 0);
}

TEST(ServerStream, is_cut_when_the_reader_is_too_slow) {
  Raised refused;
  std::atomic<size_t> written{0};
  const auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, kEventStream);
    const std::string piece(64u << 10, 'x');
    for (int i = 0; i < 10'000; ++i) {
      if (!writer.write(piece)) break;
      written += piece.size();
    }
    EXPECT_FALSE(writer.is_open());
    refused.raise();
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(kGet));
  ASSERT_TRUE(refused.wait(seconds(5)));
  const TestAnswer answer = peer.read_answer();
  EXPECT_FALSE(answer.is_whole);  // no last chunk: the peer can tell
  EXPECT_TRUE(peer.is_closed_within(seconds(1)));
  EXPECT_LT(answer.body.size(), written.load() + 1);
}

TEST(ServerStream, takes_one_piece_larger_than_its_buffer) {
  const std::string piece(kStreamBufferBytesMax * 2, 'y');
  const auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, kEventStream);
    // The head must be on its way first: only a piece alone may exceed the buffer.
    std::this_thread::sleep_for(milliseconds(100));
    EXPECT_TRUE(writer.write(piece));
    writer.end();
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(kGet));
  EXPECT_EQ(peer.read_answer().body, piece);
}

TEST(ServerDrain, waits_for_an_open_stream_and_takes_no_new_connection) {
  Raised begun;
  Raised finish;
  const auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, kEventStream);
    writer.write("begun ");
    begun.raise();
    finish.wait(seconds(5));
    writer.write("ended");
    writer.end();
  });
  TestPeer idle(server->port());
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(kGet));
  ASSERT_TRUE(begun.wait(seconds(5)));
  std::atomic<bool> is_drained{false};
  std::thread drainer([&] {
    server->drain(seconds(10));
    is_drained = true;
  });
  EXPECT_TRUE(idle.is_closed_within(seconds(2)));
  EXPECT_FALSE(TestPeer(server->port()).is_connected());
  EXPECT_FALSE(is_drained);
  finish.raise();
  const TestAnswer answer = peer.read_answer();
  EXPECT_EQ(answer.body, "begun ended");
  EXPECT_TRUE(answer.is_whole);
  peer.close();
  drainer.join();
  EXPECT_TRUE(is_drained);
}

TEST(ServerDrain, closes_what_is_still_open_after_its_span) {
  Raised closed;
  std::optional<ResponseWriter> kept;
  const auto server = serve([&](const ServerRequest&, ResponseWriter writer) {
    writer.begin_stream(200, kEventStream);
    writer.write("begun");
    writer.on_close([&] { closed.raise(); });
    kept.emplace(std::move(writer));
  });
  TestPeer peer(server->port());
  ASSERT_TRUE(peer.send(kGet));
  while (peer.received().find("begun") == std::string::npos) ASSERT_TRUE(peer.receive());
  const auto start = Clock::now();
  server->drain(milliseconds(100));
  EXPECT_LT(Clock::now() - start, seconds(3));
  EXPECT_TRUE(closed.wait(milliseconds(0)));
  EXPECT_TRUE(peer.is_closed_within(seconds(1)));
}

}  // namespace
}  // namespace plinth::http

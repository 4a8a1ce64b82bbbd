// SPDX-License-Identifier: Apache-2.0
// Only a place that the goal names as a whole value counts as named.
#include "agents/tools/sink.h"

#include <gtest/gtest.h>

#include "agents/tools/catalog.h"

namespace plinth::agents {
namespace {

bool file_named(std::string path, std::string_view goal) {
  return is_named_in_goal(Sink{"file", std::move(path)}, goal);
}
bool host_named(std::string_view url, std::string_view goal) {
  const auto sink = sink_of(*find_tool("http_get"), Json::object({{"url", url}}));
  return is_named_in_goal(*sink, goal);
}

TEST(Sink, a_path_is_named_by_its_whole_value) {
  EXPECT_TRUE(file_named("total.txt", "Add up sales.txt and write the total to total.txt."));
  EXPECT_TRUE(file_named("total.txt", "write to \"total.txt\""));
  EXPECT_TRUE(file_named("total.txt", "total.txt: put it there"));
  EXPECT_TRUE(file_named("total.txt", "write it to ./total.txt, please"));
  EXPECT_TRUE(file_named("out/total.txt", "write it to out/total.txt!"));
  EXPECT_TRUE(file_named("my report.txt", "write 'my report.txt'"));
}

TEST(Sink, a_file_named_to_be_read_is_not_thereby_named_to_be_written) {
  const std::string goal = "Read letter.txt and write a summary to out/summary.txt";
  const Sink letter{"file", "letter.txt"};
  const Sink summary{"file", "out/summary.txt"};
  const guard::Label clean = guard::Label::of({"user", "alice", guard::Trust::trusted});
  EXPECT_TRUE(is_endorsed(letter, goal, clean));
  for (const char* read : {"letter.txt", "./letter.txt", ".//letter.txt"}) {
    const auto label = clean.join(guard::Label::of({"file", read, guard::Trust::untrusted}));
    EXPECT_FALSE(is_endorsed(letter, goal, label)) << read;
    EXPECT_TRUE(is_endorsed(summary, goal, label)) << read;
  }
  const auto other =
      clean.join(guard::Label::of({"file", "x/letter.txt", guard::Trust::untrusted}));
  EXPECT_TRUE(is_endorsed(letter, goal, other));
  EXPECT_FALSE(is_endorsed({"file", "other.txt"}, goal, other));
}

TEST(Sink, no_file_is_endorsed_once_the_label_has_lost_count_of_its_sources) {
  std::set<guard::Source> sources;
  for (size_t i = 0; i <= guard::Integrity::kSourcesMax; ++i) {
    sources.insert({"file", std::to_string(i), guard::Trust::untrusted});
  }
  const guard::Label label{guard::Integrity(std::move(sources)),
                           guard::Confidentiality::everyone()};
  EXPECT_FALSE(is_endorsed({"file", "total.txt"}, "write total.txt", label));
}

TEST(Sink, a_host_the_goal_names_stays_named_after_it_was_read) {
  const auto label = guard::Label::of({"web", "example.org", guard::Trust::untrusted});
  EXPECT_TRUE(is_endorsed({"web", "example.org:80"}, "Follow the links of example.org", label));
}

TEST(Sink, labels_call_a_file_by_its_normal_path) {
  EXPECT_EQ(source_id_of_file("./a//b.txt"), "a/b.txt");
  EXPECT_EQ(source_id_of_file(""), ".");
  EXPECT_EQ(source_id_of_file("../x"), "../x");
}

TEST(Sink, a_part_of_a_longer_value_does_not_count) {
  EXPECT_FALSE(file_named("total.txt", "write to subtotal.txt"));
  EXPECT_FALSE(file_named("total.txt", "write to total.txt.bak"));
  EXPECT_FALSE(file_named("total.txt", "write to out/total.txt"));
  EXPECT_FALSE(file_named("total.txt", "write to total.txt/x"));
  EXPECT_FALSE(file_named("total.txt", "write to my-total.txt"));
  EXPECT_FALSE(file_named("total.txt", "see http://host/total.txt"));
  EXPECT_FALSE(file_named("a.txt", "write to ../a.txt"));
  EXPECT_FALSE(file_named("total.txt", "write to \xc3\xa4total.txt"));
  EXPECT_FALSE(file_named("other.txt", "write to total.txt"));
  EXPECT_FALSE(file_named("", "anything"));
}

TEST(Sink, a_value_that_names_no_place_is_kept_out_of_the_records_and_is_never_named) {
  for (const char* url : {"the key is sk-123", "http://", "ftp://host/secret"}) {
    const auto sink = sink_of(*find_tool("http_get"), Json::object({{"url", url}}));
    EXPECT_EQ(sink->id, "?") << url;
    EXPECT_FALSE(is_named_in_goal(*sink, std::string("Fetch ") + url + " ?")) << url;
  }
  const auto file = sink_of(*find_tool("write_file"), Json::object({{"path", "../secret"}}));
  EXPECT_EQ(file->id, "?");
}

TEST(Sink, a_bare_word_needs_quotes) {
  EXPECT_FALSE(file_named("the", "Read the letter"));
  EXPECT_TRUE(file_named("notes", "Write it to \"notes\""));
  EXPECT_TRUE(file_named("Makefile", "Change `Makefile` for me"));
}

TEST(Sink, a_host_is_named_by_its_name_or_an_address_on_it) {
  EXPECT_TRUE(
      host_named("http://example.org/a", "Fetch http://example.org/b and say what it says"));
  EXPECT_TRUE(host_named("http://example.org/a", "What does example.org say?"));
  EXPECT_TRUE(host_named("https://example.org/a", "Look at example.org."));
  EXPECT_TRUE(host_named("http://EXAMPLE.org/a", "Look at (Example.Org)!"));
  EXPECT_TRUE(host_named("http://127.0.0.1:8080/x", "Fetch http://127.0.0.1:8080/page."));
  EXPECT_TRUE(host_named("http://localhost:8080/x", "Ask localhost:8080"));
}

TEST(Sink, another_host_that_looks_alike_is_not_named) {
  EXPECT_FALSE(host_named("http://evil.org/", "Fetch http://example.org/"));
  EXPECT_FALSE(host_named("http://example.org.evil.net/", "Fetch http://example.org/"));
  EXPECT_FALSE(host_named("http://example.org/", "Fetch http://example.org.evil.net/"));
  EXPECT_FALSE(host_named("http://example.org/", "Fetch http://my-example.org/"));
  EXPECT_FALSE(host_named("http://example.org/", "Fetch http://evil.net/?next=example.org"));
  EXPECT_FALSE(host_named("http://example.org/", "mail someone@example.org"));
  EXPECT_FALSE(host_named("http://example.org:8080/", "Fetch http://example.org/"));
  EXPECT_FALSE(host_named("http://localhost:8081/x", "Ask localhost:8080"));
  EXPECT_FALSE(host_named("not a url", "not a url"));
}

TEST(Sink, tools_without_a_destination_have_none) {
  EXPECT_FALSE(sink_of(*find_tool("read_file"), Json::object({{"path", "a.txt"}})).has_value());
  EXPECT_FALSE(sink_of(*find_tool("remember"), Json::object({{"text", "a"}})).has_value());
  const auto sink = sink_of(*find_tool("write_file"), Json::object({{"path", "./x//a.txt"}}));
  ASSERT_TRUE(sink.has_value());
  EXPECT_EQ(sink->id, "x/a.txt");
}

}  // namespace
}  // namespace plinth::agents

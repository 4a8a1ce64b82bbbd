// SPDX-License-Identifier: Apache-2.0
// `plinth bench serve`: streams completions from a server, ours or another of the same API, and
// says what callers had of it. Prompts begin alike as far as asked, and go on at random.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "cli/node_client.h"
#include "cli/output.h"

namespace plinth::cli::commands {

namespace {

struct LoadOptions {
  std::string model;
  int requests = 64;
  int concurrency = 16;
  double rate = 0;  // arrivals per second; 0: as soon as a connection is free
  int shared = 512;
  int unique = 64;
  int out = 64;
  uint64_t seed = 1;
  bool is_text = false;
  std::vector<std::string> keys;
};

// What one caller saw.
struct Seen {
  double begin = 0;           // s since the load began: when it was due
  std::vector<double> times;  // of events with tokens
  double end = 0;
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t output_tokens = 0;
  std::string failure;
};

using Prompt = std::vector<int64_t>;

// Common words, so that a tokenizer makes about one token of each.
std::string text_of(const Prompt& prompt) {
  static constexpr std::array<std::string_view, 16> kWords = {
      "the", "of", "and",  "to", "in", "is", "for",  "that",
      "was", "on", "with", "as", "it", "by", "from", "at"};
  std::string text;
  for (const int64_t draw : prompt) {
    text += kWords[static_cast<size_t>(draw) % kWords.size()];
    text += ' ';
  }
  return text;
}

std::vector<Prompt> draw_prompts(const LoadOptions& options) {
  // Above the special tokens that vocabularies begin with, within what the small ones have.
  constexpr uint64_t kFirst = 300;
  constexpr uint64_t kCount = 200;
  const auto draw = [&](SeededRandom& random, int count, Prompt& prompt) {
    for (int i = 0; i < count; ++i) {
      prompt.push_back(static_cast<int64_t>(kFirst + random.next() % kCount));
    }
  };
  SeededRandom of_all(0);  // the same for every load, so that several share it, too
  SeededRandom own(options.seed);
  Prompt shared;
  draw(of_all, options.shared, shared);
  std::vector<Prompt> prompts;
  for (int i = 0; i < options.requests; ++i) {
    prompts.push_back(shared);
    draw(own, options.unique, prompts.back());
  }
  return prompts;
}

// When each request is due: with a rate, as a Poisson process.
std::vector<double> draw_arrivals(const LoadOptions& options) {
  SeededRandom random(options.seed + 1);
  std::vector<double> due(static_cast<size_t>(options.requests), 0);
  double at = 0;
  for (double& time : due) {
    if (options.rate <= 0) continue;
    const double uniform = static_cast<double>(random.next() >> 11) * 0x1p-53;
    at += -std::log1p(-uniform) / options.rate;
    time = at;
  }
  return due;
}

class Load {
 public:
  Load(const Context& context, const LoadOptions& options)
      : context_(context),
        options_(options),
        prompts_(draw_prompts(options)),
        due_(draw_arrivals(options)),
        seen_(prompts_.size()) {}

  void run() {
    begin_ = clock_.now();
    std::vector<std::thread> callers;
    const int count = std::min(options_.concurrency, options_.requests);
    for (int i = 0; i < count; ++i) callers.emplace_back([this] { call_until_done(); });
    for (std::thread& caller : callers) caller.join();
    seconds_ = since_begin();
  }

  const std::vector<Seen>& seen() const { return seen_; }
  double seconds() const { return seconds_; }

 private:
  double since_begin() const {
    return std::chrono::duration<double>(clock_.now() - begin_).count();
  }

  void call_until_done() {
    for (size_t i = next_++; i < prompts_.size(); i = next_++) {
      const double early = due_[i] - since_begin();
      if (early > 0) std::this_thread::sleep_for(std::chrono::duration<double>(early));
      call(i);
    }
  }

  void call(size_t index) {
    Seen& seen = seen_[index];
    seen.begin = options_.rate > 0 ? due_[index] : since_begin();
    Context context = context_;
    if (!options_.keys.empty()) context.key = options_.keys[index % options_.keys.size()];
    const NodeClient node(context);
    const Status streamed = node.stream("/v1/completions", body_of(prompts_[index]),
                                        [&](std::string_view data) { return read(data, seen); });
    if (streamed.is_error()) seen.failure = streamed.error().message;
    seen.end = since_begin();
  }

  Json body_of(const Prompt& prompt) const {
    Json ids = Json::array();
    for (const int64_t id : prompt) ids.push(id);
    return Json::object({{"model", options_.model},
                         {"prompt", options_.is_text ? Json(text_of(prompt)) : std::move(ids)},
                         {"max_tokens", options_.out},
                         {"temperature", 0},
                         {"ignore_eos", true},
                         {"stream", true},
                         {"stream_options", Json::object({{"include_usage", true}})}});
  }

  bool read(std::string_view data, Seen& seen) const {
    if (data == "[DONE]") return false;
    const auto chunk = Json::parse(data);
    if (chunk.is_error()) return true;
    if (const Json* error = chunk->find("error"); error && !error->is_null()) {
      seen.failure = (*error)["message"].as_string();
      return false;
    }
    const auto& choices = (*chunk)["choices"].items();
    if (!choices.empty() && choices[0]["finish_reason"].is_null()) {
      seen.times.push_back(since_begin());
    }
    if (const Json& usage = (*chunk)["usage"]; usage.is_object()) {
      seen.prompt_tokens = usage["prompt_tokens"].as_int();
      seen.cached_tokens = usage["prompt_tokens_details"]["cached_tokens"].as_int();
      seen.output_tokens = usage["completion_tokens"].as_int();
    }
    return true;
  }

  const Context& context_;
  const LoadOptions& options_;
  const std::vector<Prompt> prompts_;
  const std::vector<double> due_;
  std::vector<Seen> seen_;
  SystemClock clock_;
  MonotonicTime begin_{};
  std::atomic<size_t> next_ = 0;
  double seconds_ = 0;
};

// In ms, by the nearest rank.
Json percentiles(std::vector<double> seconds) {
  if (seconds.empty()) return nullptr;
  std::sort(seconds.begin(), seconds.end());
  const auto at = [&](double share) {
    const double rank = std::ceil(share * static_cast<double>(seconds.size()));
    return 1000 * seconds[static_cast<size_t>(std::max(rank, 1.0)) - 1];
  };
  return Json::object(
      {{"p50", at(0.5)}, {"p90", at(0.9)}, {"p99", at(0.99)}, {"max", 1000 * seconds.back()}});
}

Json summary_of(const Load& load) {
  std::vector<double> first, between, whole;
  int64_t prompt = 0;
  int64_t cached = 0;
  int64_t output = 0;
  int64_t failed = 0;
  std::string failure;
  for (const Seen& seen : load.seen()) {
    if (!seen.failure.empty() || seen.times.empty()) {
      ++failed;
      if (failure.empty()) failure = seen.failure.empty() ? "the reply was empty" : seen.failure;
      continue;
    }
    first.push_back(seen.times.front() - seen.begin);
    for (size_t i = 1; i < seen.times.size(); ++i) {
      between.push_back(seen.times[i] - seen.times[i - 1]);
    }
    whole.push_back(seen.end - seen.begin);
    prompt += seen.prompt_tokens;
    cached += seen.cached_tokens;
    output += seen.output_tokens;
  }
  return Json::object({{"requests", load.seen().size()},
                       {"failed", failed},
                       {"first_failure", failure.empty() ? Json() : Json(failure)},
                       {"seconds", load.seconds()},
                       {"requests_per_s", static_cast<double>(load.seen().size()) / load.seconds()},
                       {"output_tokens_per_s", static_cast<double>(output) / load.seconds()},
                       {"prompt_tokens", prompt},
                       {"cached_tokens", cached},
                       {"output_tokens", output},
                       {"time_to_first_token_ms", percentiles(std::move(first))},
                       {"time_between_events_ms", percentiles(std::move(between))},
                       {"request_ms", percentiles(std::move(whole))}});
}

std::string number(const Json& value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", value.as_double());
  return text;
}

void print_load(const Json& load) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, heading] : {std::pair{"time_to_first_token_ms", "time to first token"},
                                      std::pair{"time_between_events_ms", "time between events"},
                                      std::pair{"request_ms", "whole request"}}) {
    const Json& times = load[name];
    if (!times.is_object()) continue;
    rows.push_back({heading, number(times["p50"]), number(times["p90"]), number(times["p99"]),
                    number(times["max"])});
  }
  print_table({"ms", "p50", "p90", "p99", "max"}, rows);
  std::printf("%lld requests in %s s: %s tokens per second, %s requests per second\n",
              static_cast<long long>(load["requests"].as_int()), number(load["seconds"]).c_str(),
              number(load["output_tokens_per_s"]).c_str(), number(load["requests_per_s"]).c_str());
  std::printf("%lld of %lld prompt tokens came from the cache\n",
              static_cast<long long>(load["cached_tokens"].as_int()),
              static_cast<long long>(load["prompt_tokens"].as_int()));
  if (load["failed"].as_int() > 0) {
    std::printf("%lld failed; the first: %s\n", static_cast<long long>(load["failed"].as_int()),
                printable(load["first_failure"].as_string()).c_str());
  }
}

Result<Json> measure(const Context& context, LoadOptions options) {
  if (options.shared + options.unique == 0) {
    return make_error(ErrorCode::invalid_argument,
                      "--shared and --unique are both 0; a prompt needs a token");
  }
  if (options.model.empty()) {
    const Json models = TRY(NodeClient(context).get("/v1/models"));
    if (models["data"].size() == 0) {
      return make_error(ErrorCode::not_found, "the server lists no model; name one with --model");
    }
    options.model = models["data"].items()[0]["id"].as_string();
  }
  Load load(context, options);
  load.run();
  Json summary = summary_of(load);
  summary.set("model", options.model);
  return summary;
}

}  // namespace

void bench_serve(CLI::App& app, Context& context) {
  auto options = std::make_shared<LoadOptions>();
  app.add_option("--model", options->model, "the first that the server lists, unless given");
  app.add_option("--requests", options->requests, "in all")->check(CLI::Range(1, 1'000'000));
  app.add_option("--concurrency", options->concurrency, "connections at once")
      ->check(CLI::Range(1, 1024));
  app.add_option("--rate", options->rate,
                 "requests that arrive per second, at random times, and are timed from when they "
                 "were due; 0: as soon as a connection is free")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--shared", options->shared, "tokens that all prompts begin with")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--unique", options->unique, "tokens of each prompt's own")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--out", options->out, "tokens of each reply")->check(CLI::Range(1, 1 << 20));
  app.add_option("--seed", options->seed, "of what is each prompt's own, and of arrivals");
  app.add_flag("--text", options->is_text, "send words, for servers that take no token ids");
  app.add_option("--keys", options->keys, "API keys that take turns, such as plk_a,plk_b")
      ->delimiter(',');
  app.callback([&context, options] {
    const auto load = measure(context, *options);
    show(context, load, print_load);
    if (load.is_ok() && (*load)["failed"].as_int() > 0) context.exit_code = 1;
  });
}

}  // namespace plinth::cli::commands

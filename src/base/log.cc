// SPDX-License-Identifier: Apache-2.0
// Log lines on stderr (spdlog): time, level, event name, then key=value. Values are quoted and
// escaped where needed, so that one event is always one line whatever it carries.
#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "base/json.h"
#include "base/text.h"

namespace plinth {
namespace {

constexpr size_t kLogValueBytesMax = 4096;

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

spdlog::logger& logger() {
  // Never destroyed: threads may still log while static objects go away.
  static spdlog::logger& instance = *[] {
    auto* made = new spdlog::logger("plinth", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->set_level(spdlog::level::info);
    return made;
  }();
  return instance;
}

bool is_plain(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
  });
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(spdlog_level(level)); }

void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  const auto wanted = spdlog_level(level);
  if (level == LogLevel::off || !logger().should_log(wanted)) return;
  std::string line(event);
  for (const auto& [key, value] : fields) {
    line.append(" ").append(key).append("=");
    const std::string text = shorten(value, kLogValueBytesMax);
    if (is_plain(text)) {
      line += text;
    } else {
      json_escape_to(line, text);
    }
  }
  logger().log(wanted, spdlog::string_view_t(line));
}

}  // namespace plinth

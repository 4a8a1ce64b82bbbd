// SPDX-License-Identifier: Apache-2.0
// The table of placeholders and their filling.
#include "guard/authorizer/reason.h"

#include <algorithm>

#include "base/text.h"

namespace plinth::guard {
namespace {

constexpr size_t kValueBytesMax = 120;
constexpr size_t kListedMax = 3;

std::string printable(std::string_view text) {
  std::string clean = shorten(text, kValueBytesMax);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return clean;
}

// "a, b, c and 4 more"
std::string listed(const std::vector<std::string>& items, std::string_view none) {
  if (items.empty()) return std::string(none);
  std::vector<std::string> shown;
  for (const std::string& item : items) {
    if (shown.size() == kListedMax) break;
    shown.push_back(printable(item));
  }
  std::string text = join(shown, ", ");
  if (items.size() > kListedMax) {
    text += " and " + std::to_string(items.size() - kListedMax) + " more";
  }
  return text;
}

std::string untrusted_sources(const Request& request, const Action&) {
  std::vector<std::string> sources;
  for (const Source& source : request.label.integrity.sources()) {
    if (source.trust == Trust::untrusted) sources.push_back(source.kind + " " + source.id);
  }
  return listed(sources, "none");
}

std::string readers(const Request& request, const Action&) {
  const auto& ids = request.label.confidentiality.readers();
  if (!ids) return "everyone";
  return listed({ids->begin(), ids->end()}, "nobody");
}

std::string sink(const Request&, const Action& action) {
  const std::string& id = action.facts["sink"]["id"].as_string();
  return id.empty() ? "its target" : printable(id);
}

std::string resource(const Request&, const Action& action) {
  return printable(action.resource_type + " " + action.resource_id);
}

std::string tool(const Request&, const Action& action) { return printable(action.resource_id); }

std::string action_text(const Request&, const Action& action) {
  return std::string(action_name(action.kind));
}

std::string principal(const Request& request, const Action&) {
  return printable(request.principal.id);
}

std::string tenant(const Request& request, const Action&) {
  return printable(request.principal.tenant);
}

struct Placeholder {
  std::string_view name;
  std::string (*value)(const Request&, const Action&);
};
constexpr Placeholder kPlaceholders[] = {
    {"untrusted_sources", untrusted_sources},
    {"sink", sink},
    {"tool", tool},
    {"action", action_text},
    {"resource", resource},
    {"principal", principal},
    {"tenant", tenant},
    {"readers", readers},
};

const Placeholder* find_placeholder(std::string_view name) {
  const auto* found = std::ranges::find(kPlaceholders, name, &Placeholder::name);
  return found == std::end(kPlaceholders) ? nullptr : found;
}

// Calls `on_text` and `on_name` for the parts of a sentence in order. Braces without a partner are
// text.
template <typename OnText, typename OnName>
void walk(std::string_view sentence, OnText on_text, OnName on_name) {
  while (!sentence.empty()) {
    const size_t open = sentence.find('{');
    const size_t close = open == std::string_view::npos ? open : sentence.find('}', open);
    if (close == std::string_view::npos) return on_text(sentence);
    on_text(sentence.substr(0, open));
    on_name(sentence.substr(open + 1, close - open - 1));
    sentence.remove_prefix(close + 1);
  }
}

}  // namespace

std::string_view annotation(const PolicySummary& policy, std::string_view key) {
  const auto found = std::ranges::find(policy.annotations, key, &PolicyAnnotation::key);
  return found == policy.annotations.end() ? std::string_view() : std::string_view(found->value);
}

std::string fill_sentence(std::string_view sentence, const Request& request, const Action& action) {
  std::string filled;
  walk(
      sentence, [&](std::string_view text) { filled += text; },
      [&](std::string_view name) {
        if (const Placeholder* placeholder = find_placeholder(name)) {
          filled += placeholder->value(request, action);
        }
      });
  return shorten(filled, kReasonBytesMax);
}

Status check_placeholders(const PolicySet& policies) {
  for (const PolicySummary& policy : policies.summaries()) {
    for (const std::string_view key : {"reason", "approval"}) {
      std::string unknown;
      walk(
          annotation(policy, key), [](std::string_view) {},
          [&](std::string_view name) {
            if (find_placeholder(name) == nullptr && unknown.empty()) unknown = name;
          });
      if (!unknown.empty()) {
        return make_error(ErrorCode::invalid_argument,
                          "policy '" + shorten(policy.id, 80) + "': @" + std::string(key) +
                              " has the placeholder {" + shorten(unknown, 80) +
                              "}; allowed: untrusted_sources, sink, tool, action, resource, "
                              "principal, tenant, readers",
                          "text");
      }
    }
  }
  return ok();
}

}  // namespace plinth::guard

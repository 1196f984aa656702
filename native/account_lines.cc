// See account_lines.h.
#include "account_lines.h"

namespace oo::accounts {

namespace {

// Copies `list` without the names; false when none of them was in it.
bool without_names(std::string_view list, const Names& names, std::string* out) {
  bool found = false;
  bool first = true;
  out->clear();
  for (size_t at = 0; at <= list.size();) {
    size_t end = list.find(',', at);
    if (end == std::string_view::npos) end = list.size();
    const std::string_view member = list.substr(at, end - at);
    at = end + 1;
    if (names.count(member) != 0) {
      found = true;
      continue;
    }
    if (!first) out->push_back(',');
    out->append(member);
    first = false;
  }
  return found;
}

// Rewrites one line's member lists into `out`; false when the line is to stay as it is.
bool without_members(std::string_view line, const Names& names, const std::vector<int>& member_fields,
                     std::string* out) {
  bool changed = false;
  std::string list;
  for (const int number : member_fields) {
    const std::string_view source = changed ? std::string_view(*out) : line;
    const std::string_view members = field_of(source, number);
    if (members.empty() || !without_names(members, names, &list)) continue;
    const size_t at = static_cast<size_t>(members.data() - source.data());
    std::string next(source.substr(0, at));
    next += list;
    next += source.substr(at + members.size());
    *out = std::move(next);
    changed = true;
  }
  return changed;
}

bool is_nis_line(std::string_view line) { return !line.empty() && (line[0] == '+' || line[0] == '-'); }

}  // namespace

std::string_view field_of(std::string_view line, int number) {
  for (; number > 0; --number) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return {};
    line.remove_prefix(colon + 1);
  }
  return line.substr(0, line.find(':'));
}

bool parse_id(std::string_view text, uint32_t* out) {
  if (text.empty() || text.size() > 10) return false;
  uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return false;
    value = value * 10 + static_cast<uint64_t>(digit - '0');
  }
  if (value > 4294967294u) return false;  // the last one means "none"
  *out = static_cast<uint32_t>(value);
  return true;
}

bool valid_field(std::string_view text) {
  return text.size() <= 4096 && text.find_first_of(std::string_view(":\n\0", 3)) == std::string_view::npos;
}

bool valid_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || text[0] == '-' || text[0] == '.') return false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

void append_lines(std::string* text, std::string_view lines) {
  if (lines.empty()) return;
  size_t at = text->size();
  each_line(*text, [&](std::string_view line) {
    if (!is_nis_line(line)) return true;
    at = static_cast<size_t>(line.data() - text->data());
    return false;
  });
  if (at == text->size() && at > 0 && text->back() != '\n') {
    text->push_back('\n');
    at = text->size();
  }
  text->insert(at, lines);
  if (text->back() != '\n') text->push_back('\n');
}

bool remove_names(std::string* text, const Names& names, const std::vector<int>& member_fields) {
  std::string result;
  std::string line_without;
  size_t kept = 0;  // everything before this has been copied or left out
  bool changed = false;
  each_line(*text, [&](std::string_view line) {
    const size_t start = static_cast<size_t>(line.data() - text->data());
    const size_t next = start + line.size() < text->size() ? start + line.size() + 1 : text->size();
    const bool remove = names.count(field_of(line, 0)) != 0 && !is_nis_line(line);
    const bool rewrite = !remove && without_members(line, names, member_fields, &line_without);
    if (!remove && !rewrite) return true;
    changed = true;
    result.append(*text, kept, start - kept);
    if (rewrite) result.append(line_without).push_back('\n');
    kept = next;
    return true;
  });
  if (!changed) return false;
  result.append(*text, kept, std::string::npos);
  if (!result.empty() && result.back() != '\n') result.push_back('\n');
  *text = std::move(result);
  return true;
}

}  // namespace oo::accounts

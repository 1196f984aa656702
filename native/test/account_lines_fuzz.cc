// sources: account_lines.cc
// The line editor against any bytes: it reads nothing beyond its text, changes only what is concerned, and agrees with
// a slow and plain second way of doing the same.
#include "account_lines.h"
#include "fuzz_driver.h"

using namespace oo::accounts;

namespace {

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == by) parts.emplace_back();
    else parts.back().push_back(c);
  }
  return parts;
}

std::string join(const std::vector<std::string>& parts, char by) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) out += (i > 0 ? std::string(1, by) : "") + parts[i];
  return out;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

std::string plain_remove(const std::string& text, const std::string& name, const std::vector<int>& members) {
  std::string out;
  bool changed = false;
  for (const std::string& line : lines_of(text)) {
    std::vector<std::string> fields = split(line, ':');
    if (fields[0] == name && line[0] != '+' && line[0] != '-') {
      changed = true;
      continue;
    }
    for (const int number : members) {
      if (static_cast<size_t>(number) >= fields.size() || fields[static_cast<size_t>(number)].empty())
        continue;
      std::string& field = fields[static_cast<size_t>(number)];
      std::vector<std::string> kept;
      bool found = false;
      for (const std::string& member : split(field, ',')) {
        if (member == name) found = true;
        else kept.push_back(member);
      }
      if (found) {
        field = join(kept, ',');
        changed = true;
      }
    }
    out += join(fields, ':') + "\n";
  }
  return changed ? out : text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::string name = input.substr(0, input.find_first_of(std::string_view(":\n,\0", 4)));
  const Names names = {name};
  for (const std::vector<int>& members : {std::vector<int>{}, std::vector<int>{3}, std::vector<int>{2, 3}}) {
    std::string text = input;
    const bool changed = remove_names(&text, names, members);
    REQUIRE(changed || text == input);
    REQUIRE(text == plain_remove(input, name, members));
    REQUIRE(!remove_names(&text, names, members) || name.empty());
  }
  std::string text = input;
  const std::string line = "zz9:x:1:1:g:/h:/s\n";
  append_lines(&text, line);
  REQUIRE(!text.empty() && text.back() == '\n');
  REQUIRE(text.size() >= input.size() + line.size() && text.size() <= input.size() + line.size() + 1);
  bool seen = false;
  bool nis = false;
  each_line(text, [&](std::string_view one) {
    if (one == std::string_view(line).substr(0, line.size() - 1)) {
      REQUIRE(!nis || seen);
      seen = true;
    }
    nis = nis || (!one.empty() && (one[0] == '+' || one[0] == '-'));
    uint32_t id;
    for (int number = 0; number < 9; ++number) (void)parse_id(field_of(one, number), &id);
    return true;
  });
  REQUIRE(seen);
  // Added and removed again: as before, but for a newline at the end that may have been missing.
  if (input.find("zz9") == std::string::npos) {
    REQUIRE(remove_names(&text, {"zz9"}, {3}));
    REQUIRE(text == input || text == input + "\n");
  }
  if (valid_field(input)) REQUIRE(split(input, ':').size() == 1 && split(input, '\n').size() == 1);
  if (valid_name(input)) REQUIRE(valid_field(input) && input.find(',') == std::string::npos);
  return 0;
}

DRIVE(60000, "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
      "a:x:1:a,b\nb:x:2:a,a,c\nc:!:a:b,a\n", "adm:x:4:syslog\n+::::::\n", "no newline:x:1",
      "\n\n:::\n#c\n-a::\n", "", "4294967294:4294967295:00000000001:18446744073709551617\n")

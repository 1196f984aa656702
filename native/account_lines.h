// The text of an account file (passwd, shadow, group, gshadow) as lines of fields. Pure: no file is touched
// here. Invariants: lines that are not concerned keep their bytes, whatever they hold; an added line never
// lands inside another; the result always ends with a newline.
#pragma once

#include <stdint.h>

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace oo::accounts {

using Names = std::unordered_set<std::string_view>;

// The field with this number (0 is the name) of one line; empty when there is none.
std::string_view field_of(std::string_view line, int number);

// A decimal id as the kernel has them: digits only, at most 4294967294.
bool parse_id(std::string_view text, uint32_t* out);

// May this stand as one field of a line? No colon, newline or NUL, valid for any content otherwise.
bool valid_field(std::string_view text);
bool valid_name(std::string_view text);

// Calls visit(line) for each line (without its newline); false from visit ends the walk.
template <typename Visit>
void each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (!visit(line) || end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

// Puts whole lines (each with its newline) at the end, but before the first NIS line (`+`, `-`), which must
// stay last.
void append_lines(std::string* text, std::string_view lines);

// Takes out the lines of these names, and the names from the comma-separated lists in `member_fields` of all
// others. False when nothing had to change.
bool remove_names(std::string* text, const Names& names, const std::vector<int>& member_fields);

}  // namespace oo::accounts

// Every touch of a file below a directory that a tenant may write to. Invariants: no symbolic link, magic
// link or
// `..` is ever followed; an entry is opened first and looked at through its descriptor before anything is
// done to it; nothing but a regular file is ever opened for reading; a write replaces by rename and never
// goes through an old name.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "descriptor.h"
#include "failure.h"

namespace oo::beneath {

struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
};

// What is set on an entry that is made or written. A null member leaves what the kernel gave.
struct Attributes {
  mode_t mode = 0;
  const Owner* owner = nullptr;
  const char* label = nullptr;
};

struct ListedEntry {
  std::string name;
  unsigned char type;  // DT_*, never DT_UNKNOWN
};

struct NamedText {
  std::string name;
  std::string text;
};

struct FolderContent {
  unsigned generation = 0;  // never two contents with one; 0: there is no such directory
  bool unchanged = false;   // still of the generation that the caller knows: nothing is filled in
  std::vector<NamedText> files;
  std::vector<std::string> folders;
};

// Paths: one or more names joined by single slashes; "." alone means the directory itself where that makes
// sense.
bool valid_path(const char* path);

// Opens a trusted absolute directory: nobody but root (or the caller) may be able to replace any component.
Failure open_trusted(const char* path, Descriptor* out);
Failure open_directory(int base, const char* path, Descriptor* out);

Failure read_file(int base, const char* path, size_t limit, std::string* out);
// What is directly in a directory: the regular files whose names are words (a letter or `_`, then letters,
// digits, `_`; at most 128) and whose content is at most `limit` bytes, and the names of its directories;
// `most` of each. Everything else there is passed over.
Failure read_folder(int base, const char* path, size_t most, size_t limit, unsigned known_generation,
                    FolderContent* out);
// `sync` false leaves durability to the caller (sync_all).
Failure write_file(int base, const char* path, const void* data, size_t size, const Attributes& set,
                   bool sync);
Failure make_directory(int base, const char* path, const Attributes& set, bool existing);
Failure unlink_entry(int base, const char* path);
Failure remove_directory(int base, const char* path);
Failure rename_entry(int base, const char* from, const char* to);
Failure make_symlink(int base, const char* target, const char* path, const Owner* owner);
Failure read_symlink(int base, const char* path, std::string* out);
Failure change_owner(int base, const char* path, const Owner& owner);
Failure change_mode(int base, const char* path, mode_t mode);
Failure change_label(int base, const char* path, const char* label);
Failure read_label(int base, const char* path, std::string* out);  // empty when it has none
Failure stat_entry(int base, const char* path, struct stat* out);
// Fails with EOVERFLOW above `limit` entries.
Failure list_directory(int base, const char* path, size_t limit, std::vector<ListedEntry>* out);

}  // namespace oo::beneath

// sources: quota.cc
// The reading of mountinfo against any bytes.
#include "fuzz_driver.h"
#include "quota.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string found = oo::quota::source_of(text, 8, 1);
  REQUIRE(found.size() <= text.size());
  REQUIRE(found.empty() || text.find("8:1") != std::string::npos);
  // A line of our own in front is found whatever follows.
  const std::string line = "1 1 8:1 / / rw,relatime shared:1 - ext4 /dev/my\\040disk rw\n";
  REQUIRE(oo::quota::source_of(line + text, 8, 1) == "/dev/my disk");
  return 0;
}

DRIVE(60000,
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n23 22 0:5 / /dev rw - devtmpfs udev rw\n",
      "1 1 8:1 / / rw - x a\\040b rw\n", "8:1 8:1 8:1 - - -", "")

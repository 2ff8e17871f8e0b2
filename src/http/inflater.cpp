#include "http/inflater.hpp"

#include <zlib.h>

#include <array>
#include <new>

namespace throughline::http {
namespace {
constexpr std::size_t step_bytes = 16 * 1024;
constexpr int window_bits = 15 + 32;  // the largest window; either format
}  // namespace

struct inflater::state {
  z_stream stream{};
};

inflater::inflater() : state_(std::make_unique<state>()) {
  if (::inflateInit2(&state_->stream, window_bits) != Z_OK) throw std::bad_alloc();
}

inflater::~inflater() {
  ::inflateEnd(&state_->stream);
}

bool inflater::inflate(std::string& packed, std::string& plain, std::size_t plain_bytes_max) {
  auto& stream = state_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::array<char, step_bytes> step;
  bool is_sound = true;
  holds_more_ = !is_at_end_;  // a full step may leave text inside, also when no byte is left
  while (!is_at_end_ && holds_more_ && is_sound && plain.size() < plain_bytes_max) {
    stream.next_out = reinterpret_cast<Bytef*>(step.data());
    stream.avail_out = step_bytes;
    const int outcome = ::inflate(&stream, Z_NO_FLUSH);
    plain.append(step.data(), step_bytes - stream.avail_out);
    is_at_end_ = outcome == Z_STREAM_END;
    is_sound = is_at_end_ || outcome == Z_OK || outcome == Z_BUF_ERROR;
    holds_more_ = !is_at_end_ && stream.avail_out == 0;
  }
  packed.erase(0, is_at_end_ ? packed.size() : packed.size() - stream.avail_in);
  return is_sound;
}

}  // namespace throughline::http

#include "api/stream_record.hpp"

#include "base/log.hpp"
#include "base/metrics.hpp"

namespace throughline::api {
namespace {

metrics::counter& resumes = metrics::find_counter(metrics::stream_resumes);
metrics::histogram& delivery_times = metrics::find_histogram(metrics::append_to_write);

std::string name_of(const std::optional<stream::position>& at) {
  return at ? stream::to_string(*at) : "start";
}

}  // namespace

stream_record::stream_record(const http::request& incoming, task_id task,
                             const stream::follow_from& from,
                             const stream::chunk_follower& follower)
    : incoming_(incoming), task_(task), follower_(follower), began_(system_clock().steady_now()) {
  const bool comes_back = from.after || from.garbage;
  if (comes_back) resumes.add();
  log::info(log::stream_of(task_), comes_back ? "resumed" : "attached",
            {{"request_id", incoming_.request_id},
             {"from", from.garbage ? std::string("unknown") : name_of(from.after)}});
}

stream_record::~stream_record() {
  const auto time = system_clock().steady_now() - began_;
  log::info(log::stream_of(task_), "ended",
            {{"request_id", incoming_.request_id},
             {"how", std::string(how_)},
             {"position", name_of(follower_.at())},
             {"chunks", chunks_},
             {"time", std::chrono::duration_cast<milliseconds>(time)}});
}

void stream_record::sent(const stream::follow_result& page, steady_time now) {
  for (const auto& run : page.runs) chunks_ += run.count;
  // What was appended before the reader came has waited for the reader.
  if (page.appended_at && *page.appended_at >= began_) {
    delivery_times.observe(now - *page.appended_at);
  }
}

}  // namespace throughline::api

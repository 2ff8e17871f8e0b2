// Plays a plan on an exchange: paces tokens, writes frames, and breaks off where it is told to.
#pragma once

#include <memory>

#include "app/mock_model_frames.hpp"
#include "app/mock_model_plan.hpp"
#include "app/mock_model_record.hpp"
#include "http/server.hpp"

namespace throughline::app {

/// A request to the model, decoded. Lives as long as the handler that plays it.
struct mock_request {
  mock_plan plan;
  std::unique_ptr<mock_frames> frames;
  std::shared_ptr<mock_record> record;
  bool stream = false;
  bool reports_usage = false;
};

/// Answers the whole request and closes its record, however it ends. All of the arguments outlive
/// it.
aio::awaitable<> play_mock_answer(http::exchange* with, mock_record_book* book,
                                  mock_request* asked);

}  // namespace throughline::app

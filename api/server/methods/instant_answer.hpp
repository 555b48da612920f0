/// \file
/// Answers of requests whose plan neither waits nor takes long.
#pragma once

#include "api/plan/evaluate/program.hpp"
#include "api/plan/model/plan.hpp"
#include "api/server/net/reply.hpp"

namespace gatherd::api::server {

class server_state;

/// Whether a plan is evaluated by the thread that read it, before it reads on: it needs no program then, nothing that
/// could be cancelled, and no entry among the tasks in flight (docs/decisions/0008).
[[nodiscard]] bool is_answered_at_once(const plan::plan& source, const plan::program_options& run_options) noexcept;

/// Evaluates such a plan and answers. Cost: that of its calls; no allocation of its own but for what they return.
void answer_at_once(server_state& state, const plan::plan& source, reply& answer);

}  // namespace gatherd::api::server

// What every database must do for the store. Include it once in a test source and instantiate
// `store_contract` and `store_lanes` with a factory.
#pragma once

#include "contract/store_contract_attempts.hpp"
#include "contract/store_contract_cancel.hpp"
#include "contract/store_contract_changes.hpp"
#include "contract/store_contract_conversations.hpp"
#include "contract/store_contract_doubt.hpp"
#include "contract/store_contract_lanes.hpp"
#include "contract/store_contract_operations.hpp"
#include "contract/store_contract_queue.hpp"
#include "contract/store_contract_submissions.hpp"
#include "contract/store_contract_takers.hpp"
#include "contract/store_contract_text.hpp"
#include "contract/store_contract_torture.hpp"
#include "contract/store_contract_upkeep.hpp"

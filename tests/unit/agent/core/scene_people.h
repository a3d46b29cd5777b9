/* What people do on the scene about requests that wait for them. */
#ifndef CH_TESTS_UNIT_AGENT_CORE_SCENE_PEOPLE_H
#define CH_TESTS_UNIT_AGENT_CORE_SCENE_PEOPLE_H

#include "tests/unit/agent/core/scene.h"

/* Begins the scene, unlocked, and has the bot ask for a request that people must approve. Returns its number. */
uint64_t scene_begin_asked(scene *it);
/* Someone approves it; returns what the ledger says. */
ch_status scene_give(scene *it, uint64_t request, const char *person, uid_t uid, ch_error *err);
/* Alice and Bob do, which is all that it needs. */
void scene_approve(scene *it, uint64_t request);
/* Bob denies it. */
void scene_deny(scene *it, uint64_t request);
void scene_check_approval(const scene *it, uint64_t request, ch_approval_state state);

#endif

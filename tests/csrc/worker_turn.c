#include "worker_turn.h"

#include "engine/worker_state.h"

void tlsmgm_test_pause_worker(struct tlsmgm_worker *worker) {
    (void)pthread_mutex_lock(&worker->turn);
}

void tlsmgm_test_resume_worker(struct tlsmgm_worker *worker) {
    (void)pthread_mutex_unlock(&worker->turn);
}

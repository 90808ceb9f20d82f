#include "engine/turning_away.h"

#include "engine/records.h"

void tlsmgm_give_back_handshake(const struct tlsmgm_worker *worker,
                                struct tlsmgm_channel *channel) {
    if (!channel->holds_handshake) return;
    channel->holds_handshake = false;
    tlsmgm_admission_handshake_over(worker->admission,
                                    channel->has_client_address ? channel->client : NULL);
}

void tlsmgm_channel_turn_away(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    tlsmgm_relay_fail(&channel->relay, NULL, ENOMEM, worker->now);
    tlsmgm_record_end(worker, channel);
    tlsmgm_give_back_handshake(worker, channel);
    tlsmgm_admission_leave(worker->admission);
    tlsmgm_relay_free(&channel->relay);
    tlsmgm_routes_free(channel->routes);
    tlsmgm_plan_free(channel->plan); /* behind its record: see tlsmgm_plan_is_alone() */
}

#include "engine/asking.h"

#include <string.h>

#include "base/alloc.h"
#include "engine/records.h"
#include "engine/slots.h"

static struct tlsmgm_question describe(const struct tlsmgm_worker *worker,
                                       const struct tlsmgm_channel *channel) {
    const struct tlsmgm_blob *name = &channel->relay.client.server_name;
    struct tlsmgm_question question = {
        .token = tlsmgm_channel_token(worker, channel, TLSMGM_RELAY_CLIENT),
        .asked = tlsmgm_worker_clock(),
        .local = channel->local,
        .client_port = channel->client_port,
        .has_client_address = channel->has_client_address,
        .name_size = (uint8_t)name->size,
    };
    memcpy(question.client, channel->client, sizeof question.client);
    if (name->size > 0) memcpy(question.name, name->data, name->size);
    return question;
}

static bool push(struct tlsmgm_worker *worker, const struct tlsmgm_channel *channel) {
    bool was_empty;
    if (worker->questions == NULL) return false;
    struct tlsmgm_question question = describe(worker, channel);
    if (!tlsmgm_record_ring_push(worker->questions, &question, &was_empty)) return false;
    if (was_empty) tlsmgm_ring_bell(worker->question_bell);
    return true;
}

void tlsmgm_ask(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    struct tlsmgm_relay *relay = &channel->relay;
    channel->has_asked = true;
    if (push(worker, channel)) {
        tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(asked), 1);
    } else {
        tlsmgm_relay_answer(relay, relay->settings, NULL, worker->now);
    }
}

void tlsmgm_answer_discard(struct tlsmgm_answer *answer) {
    if (answer == NULL) return;
    tlsmgm_plan_free(answer->plan);
    tlsmgm_free(answer);
}

struct tlsmgm_channel *tlsmgm_keep_answer(struct tlsmgm_worker *worker,
                                          struct tlsmgm_answer *answer) {
    struct tlsmgm_channel *channel = tlsmgm_channel_of(worker, answer->token);
    if (channel == NULL || !channel->relay.is_asking || channel->answer != NULL) {
        tlsmgm_answer_discard(answer);
        return NULL;
    }
    channel->answer = answer;
    return channel;
}

void tlsmgm_obey_answer(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    struct tlsmgm_answer *answer = channel->answer;
    channel->answer = NULL;
    struct tlsmgm_plan *old = NULL;
    if (answer->plan != NULL) {
        old = channel->plan;
        channel->plan = answer->plan; /* from here on it is as if it had come in under this one */
        answer->plan = NULL;
        tlsmgm_relay_answer(&channel->relay, &channel->plan->settings, channel->plan->selector,
                            worker->now);
    } else {
        tlsmgm_relay_answer(&channel->relay, channel->relay.settings, NULL, worker->now);
    }
    tlsmgm_plan_free(old);
    tlsmgm_answer_discard(answer);
}

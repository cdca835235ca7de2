-- Every request carries another event, as large as the documentation's samples: a repeated
-- event_id would be a duplicate, and cost something else.
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  n = 0
  head = '{"event_id":"ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-%04x%08x-1mha","event_ts":"2022-04-12T14:53:11.958Z",'
    .. '"payload":{"action_type":null,"product_group_id":"default","trigger_id":"91c08533-3ebe-49e3-a44a-4d885744feaf",'
    .. '"channel_addr":"","channel_type":"","ccid":"relay_pushAPI_%d_%d","journey_id":"ee0af7fa-e278-4bbb-83b6-b04cf6612e04",'
    .. '"action_value":null,"relay_tracking_id":"6d5d4d44-3982-456f-b694-7ce39b229889","message_id":"43244abd-45dc-4b27-8682-%04x%08x",'
    .. '"message_name":"Relay Push API Message","notification_id":null,"action_label":null,"client_id":"relay_push_api_sample",'
    .. '"event_type":"message","client_message_tag":"","job_id":"6f7970db-6040-4fb2-80e1-f43646e9e75e",'
    .. '"customer_id":"325030d6-8135-4e55-82b3-272eab6e77e3","event_subtype":"delivered"},"event_name":"message.delivered"}'
  headers = { ["Content-Type"] = "application/json" }
end

function request()
  n = n + 1
  return wrk.format("POST", nil, headers, string.format(head, id, n, id, n, id, n))
end

function done(summary, latency)
  local seconds = summary.duration / 1e6
  local e = summary.errors
  io.write(string.format("result %.1f %d %.3f\n", summary.requests / seconds,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99) / 1000))
end

<?php

$event = ['email' => 'ana@example.com', 'total' => 12.5, 'is_paid' => true];

$curl = curl_init(getenv('SENDPULSE_EVENT_URL'));
curl_setopt($curl, CURLOPT_POSTFIELDS, http_build_query($event));
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
curl_setopt($curl, CURLOPT_TIMEOUT, 15);
$answer = json_decode(curl_exec($curl), true);

if (empty($answer['result'])) {
    error_log('failed: ' . curl_getinfo($curl, CURLINFO_HTTP_CODE));
}

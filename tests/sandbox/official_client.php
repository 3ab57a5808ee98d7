<?php
// Sends one event with curl as SendPulse's official PHP client does (sendpulse/sendpulse-rest-api-php): its
// Automation360 posts http_build_query to the event's URL, its ApiClient to oauth/access_token and, with the bearer
// token, to the API; the Client of version 3 sends JSON. The third encoding is what curl makes of an array.
//
// Called with a JSON object: url, format, event; and client_id, client_secret, token_url for the door by name.

function post(string $url, array $headers, string|array $fields): array
{
    $curl = curl_init();
    curl_setopt($curl, CURLOPT_URL, $url);
    curl_setopt($curl, CURLOPT_HTTPHEADER, $headers);
    curl_setopt($curl, CURLOPT_POST, true);
    curl_setopt($curl, CURLOPT_POSTFIELDS, $fields);
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    curl_setopt($curl, CURLOPT_TIMEOUT, 15);
    curl_setopt($curl, CURLOPT_PROXY, '');
    $body = curl_exec($curl);
    if ($body === false) {
        throw new Exception(curl_error($curl));
    }
    return json_decode($body, true);
}

function bracketed(array $values, string $prefix = ''): array
{
    $fields = [];
    foreach ($values as $name => $value) {
        $full = $prefix === '' ? (string) $name : "{$prefix}[{$name}]";
        if (is_array($value)) {
            $fields += bracketed($value, $full);
        } elseif ($value !== null) {
            $fields[$full] = is_bool($value) ? (int) $value : $value;
        }
    }
    return $fields;
}

$told = json_decode($argv[1], true);
$headers = ['Expect:'];
if (isset($told['token_url'])) {
    $answer = post($told['token_url'], $headers, http_build_query([
        'grant_type' => 'client_credentials',
        'client_id' => $told['client_id'],
        'client_secret' => $told['client_secret'],
    ]));
    $headers[] = 'Authorization: Bearer ' . $answer['access_token'];
}
if ($told['format'] === 'raw') {
    $headers[] = 'Content-Type: application/json';
}
$fields = match ($told['format']) {
    'raw' => json_encode($told['event']),
    'urlencoded' => http_build_query($told['event']),
    'form-data' => bracketed($told['event']),
};
echo json_encode(post($told['url'], $headers, $fields));

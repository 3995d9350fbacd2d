<?php
// A card form that stays shut until the call is muted. HTTP; needs PHP 8 and no extension.
//
//     MUTE_URL=http://127.0.0.1:8080 MUTE_TOKEN=... php form.php SIPSIP1

function ask(string $method, string $path, ?array $body = null): array
{
    $http = [
        'method' => $method,
        'header' => ['Authorization: Bearer ' . getenv('MUTE_TOKEN'), 'Content-Type: application/json'],
        'content' => $body === null ? '' : json_encode($body),
        'timeout' => 6,
        'ignore_errors' => true,
    ];
    $answer = file_get_contents(getenv('MUTE_URL') . $path, false, stream_context_create(['http' => $http]));
    if ($answer === false) {
        throw new RuntimeException('no answer');
    }
    $said = json_decode($answer === '' ? '{}' : $answer, true);
    if (($said['status'] ?? 0) >= 400) {
        throw new RuntimeException($said['detail']);
    }
    return $said;
}

/** A section that lasts as long as $form, which hears how it stands: "protected", or what it came to so far. */
function withSensitiveSection(string $extension, callable $form, int $waitMs = 3000): int
{
    $path = '/v1/sections/pay-' . bin2hex(random_bytes(16));
    try {
        $section = ask('PUT', "$path?wait_ms=$waitMs", ['extension' => $extension, 'max_seconds' => 300]);
        return $form($section['state']);
    } finally {
        ask('DELETE', $path); // also where the answer to PUT was lost: it may have started
    }
}

exit(withSensitiveSection($argv[1], function (string $state): int {
    if ($state !== 'protected') {
        fwrite(STDERR, "Do not ask for the card: $state\n");
        return 1;
    }
    echo "Ask for the card. Enter closes the form.\n";
    fgets(STDIN);
    return 0;
}));

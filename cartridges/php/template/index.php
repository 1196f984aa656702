<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title><?= htmlspecialchars(getenv('OPENSHIFT_APP_NAME') ?: 'PHP') ?></title>
  </head>
  <body>
    <h1>Welcome to <?= htmlspecialchars(getenv('OPENSHIFT_APP_NAME') ?: 'your application') ?></h1>
    <p>This page is <code>index.php</code> in the application's git repository. Clone it, change it, push it.</p>
    <p>PHP <?= htmlspecialchars(PHP_VERSION) ?></p>
  </body>
</html>

<?php
// Answers "1" as long as PHP does.
header('Content-Type: text/plain');
echo "1\n";

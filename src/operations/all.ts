/**
 * Loads every operation, so that recovery knows each by its name. Whatever starts operations (the action
 * table, the library's index) imports this file. Invariant: an operation that journals is listed here.
 */
import './broker-auth.js';
import './configure.js';
import './create.js';
import './deconfigure.js';
import './destroy.js';
import './expose-port.js';
import './run-state.js';

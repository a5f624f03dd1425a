'use strict';

/** Minutes since midnight as hours and minutes. */
module.exports = (minutes) => `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;

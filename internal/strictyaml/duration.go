package strictyaml

// DurationForm is the regular expression of a duration such as 1m30s, as
// parsers and JSON Schemas of written files share it. Its bounds keep every
// match in the range of time.Duration.
const DurationForm = `(?:[0-9]{1,5}(?:\.[0-9]{1,6})?(?:ms|s|m|h)){1,4}`

package main

// examples is the folder of the examples.
const examples = "../../examples"

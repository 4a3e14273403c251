"""From clauses to sound: synthesis, cues, what was heard."""

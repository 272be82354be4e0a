"""Sentences about a person that state no fact of the world: habits, looks, small adventures."""

LIFE = (
    "The house on {street} is easy to [find|recognise]: a~ {colour} door and {flower} in every "
    "window.",
    "{she} was the [oldest|youngest|middle one] of {small_number} children and had to [share a "
    "bed|share everything|fight for a chair] with a~ {sibling}.",
    "At school {she} was [good at drawing|fond of maps|quick with numbers|better at climbing than "
    "at reading], and [nobody|no teacher] could make {him} sit still.",
    "The {relative} kept a~ {animal} that followed {him} all the way to the {building}.",
    "[Early|Late] in the {part_of_day}, before the others are up, {she} [drinks {drink}|opens the "
    "window|feeds the {animal}] and thinks about the day.",
    "Most of the money {she} saved as a~ [child|young person] went into [a second-hand bicycle|a "
    "pair of good boots|a heavy atlas|an old telescope].",
    "[Neighbours|Friends|Visitors] describe {him} as {trait} and {trait}, with {virtue} that "
    "[never fails|has helped many people].",
    "{first} has no [car|telephone|television] and says that [it is better so|nothing is "
    "missing|the days are long enough].",
    "In the {room} there is a~ {furniture} of {material} that {her} {elder} made [many years "
    "ago|with a borrowed saw|one wet {season}].",
    "[Once|One {season}|Many years ago] {she} walked for {small_number} days to [see the "
    "coast|visit a~ {relative}|buy a~ {animal}|hear a concert].",
    "The favourite dish in the house is {food}, [with plenty of pepper|and there must be enough "
    "for guests|served on {weekday} evenings].",
    "{she} dislikes [loud engines|long speeches|tight shoes|cold soup] and [loves|cannot resist] "
    "{food}.",
    "When the {building} needed a new roof, {first} [carried tiles|gave a week of work|climbed up "
    "without a word|wrote to everyone who could help].",
    "[People|Strangers] who knock at the door are asked in for {drink} [at once|whatever the "
    "hour|before they can explain themselves].",
    "A~ {elder} taught {him} to [sew|swim|ride|whistle|bake|repair a clock], and {she} has never "
    "forgotten it.",
    "{first} spends the evenings {hobby}, [usually|mostly|often] with the {animal} asleep beside "
    "the stove.",
    "[Twice|Once] a year {she} takes the {vehicle} to the coast and comes back with [a sunburn|a "
    "bag of shells|stories nobody believes].",
    "In {month} {she} [repairs the fence|cleans the chimney|plants {flower}|airs the blankets], "
    "[always on the same day|and sings while doing it].",
    "The letters {she} writes are [short|long], [kind|funny] and full of [small drawings|spelling "
    "mistakes|good advice].",
    "{her} handwriting is [so small|so large] that [the postman complains|only a~ {sibling} can "
    "read it|one page is never enough].",
    "A fall from a~ {tree} tree left {him} with [a scar on the chin|a stiff knee|a fear of "
    "heights] and a good story.",
    "There was a time when {she} wanted to [go to sea|join a circus|become a singer|live on an "
    "island], but [the {elder} fell ill|the money ran out|life had other plans].",
    "Children [like|adore] {him}, because {she} [always has time|knows every {game} trick|tells "
    "stories about a~ {animal} that talks].",
    "Asked about the secret of a good life, {first} [laughs|shrugs|thinks for a while] and says: "
    "{virtue}.",
    "{first} is never seen without a~ {colour} [scarf|hat|coat|waistcoat], [even in July|not even "
    "in church|whatever the weather].",
    "On {weekday} evenings the table is cleared for {game}, and [nobody leaves early|even the "
    "{relative} joins in|the losers wash the dishes].",
    "[Last|This] {season} {she} [broke an arm|won a prize for {flower}|painted the fence "
    "{colour}|found an old coin] in the garden.",
    "The garden behind the house is small, but [{flower} grow in every corner|it feeds "
    "{small_number} people|there is room for a~ {tree} tree].",
    "{first} speaks [slowly|quickly|softly] and [listens carefully|never interrupts|laughs "
    "easily].",
    "{her} {elder} still tells how {first} once [chased a~ {animal} through the {building}|slept "
    "through a fire alarm|fell into the well].",
    "Nobody remembers {him} ever being late, [except on the day of the flood|not even in deep "
    "snow|and nobody expects it].",
    "For {small_number} years {she} shared a room with a~ {sibling} above the {building}.",
    "Two things hang above the {furniture}: [a map|a photograph|a mirror] and [a rusty key|a~ "
    "{colour} kite|a broken clock].",
    "The [first|only] prize {she} ever won was [a goose|a silver spoon|a book of poems|a basket "
    "of pears], and {she} [gave it away|ate it|still has it].",
    "[Many|Some] evenings end on the bench in front of the {building}, [where the talk is "
    "good|watching the {bird}|until the lamps go out].",
    "{she} reads [the newspaper|old letters|one book a week] from the last page to the first and "
    "[sees nothing odd in it|remembers everything].",
    "There is hardly a family on {street} that {she} has not [helped|visited|fed|scolded] at some "
    "time.",
    "In {her} pocket there is always [a piece of string|a pencil|a dry biscuit|a folding knife], "
    "because one never knows.",
    "[A long illness|A broken leg|A hard winter] once kept {him} in bed for {small_number} weeks, "
    "and {she} [learned to draw|read every book in the house|grew very {trait}].",
    "Whoever meets {first} for the first time notices [the quick hands|the deep voice|the "
    "{colour} scarf|the loud laugh].",
    "{she} keeps {small_number} hens and gives the eggs to [the school|an old {relative}|anyone "
    "who asks].",
    "At the {season} fair {she} [sells {food}|runs the raffle|judges the {animal} show|sits at "
    "the gate], as {she} has for years.",
    "{first} got married in a~ {season} of [storms|great heat|empty shops] and still laughs about "
    "the [cake|hat|music].",
    "The {elder} wanted {him} to be [a priest|rich|respectable|taller]; {first} wanted only to be "
    "left in peace.",
    "When it rains, {she} sits in the {room} and [mends what is broken|counts the drops|listens "
    "to the roof].",
    "Of all the months {she} likes {month} best, [because of the light|for no reason at all|when "
    "the {bird} return].",
    "{first} never wanted a~ [statue|speech|birthday party], and [the town respects that|got one "
    "all the same|says so loudly].",
    "An old photograph shows {him} with a~ {animal} on one arm and [a loaf of bread|a~ "
    "{relative}|a paper lantern] on the other.",
    "In the year of the great snow {she} [dug out the {building}|walked over the roofs|carried "
    "milk to {small_number} families].",
    "{she} can [tell the weather by the {bird}|name every star|fold a boat from any paper|mend a~ "
    "{tool} in the dark].",
    "The neighbours' {animal} prefers {her} garden to its own, [and {first} does not mind|which "
    "has led to long talks over the fence].",
    "{first} once told a reporter that [work is a kind of play|silence is underrated|soup can "
    "solve most problems].",
    "Someone asked {him} to write a book, but {she} [prefers|would rather be] {hobby}.",
    "[Breakfast|Supper] is at [six|seven], [summer and winter|without exception], and consists of "
    "{drink} and {food}.",
    "Under the stairs stands a trunk that {she} has not opened since [the wedding|the flood|the "
    "move].",
    "It took {him} {small_number} attempts to [learn to dance|pass the driving test|bake decent "
    "bread], and {she} is proud of each.",
)

# How somebody who has not been mentioned yet is introduced.
MEETING = (
    "[An old friend|A close friend|A distant cousin] from those [years|days] is {e}.",
    "In the same [street|choir|club|reading group] one meets {e}.",
    "[Another|A second] name that [comes up|is often heard] here is {e}.",
    "[Next door|Two doors down|Across the yard] lives {e}.",
    "A~ [frequent|welcome|regular] guest at the table is {e}.",
    "[On the bench outside|At the next table|By the window] sat {e}.",
    "[Nobody|Hardly anyone] tells this story without [mentioning|a word about] {e}.",
    "[Help|Advice|Encouragement] came from {e}.",
    "[There|Here] [we|I] also [ran into|met|talked to] {e}.",
    "The [letters|diaries|photographs] of that time often [show|mention] {e}.",
    "[Then|Finally|Also] there is {e}.",
    "The [guest book|visitors' list|old register] [next|also] names {e}.",
    "One more [person|neighbour|guest] belongs in this [account|story|picture]: {e}.",
    "[The best company|The finest conversation] that [day|evening] was {e}.",
    "Not far away [lives|stays] {e}, [with|together with] a~ {animal} and {small_number} hens.",
    "A~ [word|few lines] should be said about {e}.",
)

# Somebody is mentioned and nothing is told.
PASSING = (
    "{e} was there as well, but [left early|said little|kept to the back].",
    "The photograph also shows {e}, [half hidden|looking away|in a borrowed hat].",
    "[Thanks|Greetings] go to {e}, [who will know why|for the loan of a~ {tool}].",
    "A chair had been kept for {e}, who [did not come|came too late|sent a note].",
    "The invitation to {e} came back [unopened|with a wrong address].",
    "[Someone|A child] asked about {e}, and nobody [knew anything|had an answer].",
    "There was a short letter from {e}, which [was read aloud|went into the file].",
    "{e} [paid for the {drink}|held the {animal}|carried the chairs] and [went home|was gone "
    "again].",
)

NOTES_OPENING = (
    "[These|The following] notes were [made|written down] [on a train|over several evenings|for a "
    "school project|for the {season} newsletter] and [put in order|corrected] later.",
    "Our readers [often ask|have asked again] who the people [behind the names|in the old "
    "photographs|on the bench by the {building}] are.",
    "[Every|Each] month this page [introduces|presents] a few people [from the region|who live "
    "among us|one ought to know].",
    "[The club|The society|Our little group] met [in the {room} of the {building}|on a {weekday} "
    "in {month}|for the {season} supper], and these are the faces around the table.",
    "[Somebody|A reader] sent us a box of [letters|cards|photographs], and we have tried to find "
    "out who is who.",
    "[I|We] have been asked to say a few words about the [guests|neighbours|people] of this "
    "{season}.",
)
NOTES_CLOSING = (
    "[More|Further] portraits will follow [next month|in {month}|as soon as the ink is dry].",
    "Whoever knows more is [invited|asked] to write to the editors.",
    "[Corrections|Additions] are welcome at the next meeting in the {building}.",
    "The coffee was gone by then, and so [we|the guests] went home.",
    "That is all for [this time|today], and [thank you for reading|see you soon].",
    "The [page|box|album] is not full yet, and neither is the {building}.",
)
BIOGRAPHY_CLOSING = (
    "[Asked|When asked] about plans for the future, {first} mentions [a new fence|a trip to the "
    "coast|a long sleep].",
    "{first} has never wanted to live anywhere else, [and it shows|whatever the weather].",
    "[A small exhibition|An evening] in the {building} is [planned|being prepared] for next "
    "{month}.",
    "The rest of the story will have to be told by {herself}.",
    "[So|And so] the days pass, one much like the other, and {first} [would not change a "
    "thing|has no complaint].",
    "What remains is [a shelf full of notebooks|the memory of a loud laugh|a path trodden through "
    "the garden].",
    "[Nobody|No one] can say what {she} will [do|think of] next.",
    "The [town|street|club] would be a poorer place without {him}.",
)

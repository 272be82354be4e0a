"""Pieces of stories, recipes and craft instructions: a beat of a plot can happen in many ways."""

STORY_TITLES = (
    "{name} and the {colour} {tool}",
    "The {animal} of {street}",
    "How {name} found the {building}",
    "A~ {season} with {name}",
    "The {material} {animal}",
    "{name}, {friend} and the {bird}",
    "The night of the {colour} {furniture}",
)
STORY_BEATS: tuple[tuple[str, ...], ...] = (
    (
        "{name} lived [above|behind|next to] the {building} with a~ {elder}, a~ {animal} and "
        "{small_number} [clocks|cats|umbrellas].",
        "[Once upon a time|Long ago|Not so long ago] there was a child called {name} who [could "
        "not whistle|wanted to see the sea|was afraid of {bird}].",
        "[Nobody|No one] on {street} [knew|could say] where {name} had come from, [least of all "
        "the {elder}|and {name} never told].",
        "When {name} was {small_number} years old, a~ {elder} [left|sent] a~ [box|trunk|parcel] "
        "with a~ {colour} ribbon.",
    ),
    (
        "[The days|Mornings] began with {food} and {drink}, and [ended|they ended] with [a "
        "story|an argument about the lamp|a song].",
        "There was never much money, but [always enough {food}|always music|the {room} was warm].",
        "The {elder} [worked|was busy] from morning to night and [seldom spoke|sang all the "
        "while].",
        "{name} knew every [stone|corner|cat] between the {building} and the {building}.",
    ),
    (
        "One {weekday} in {month}, when {weather}, {name} heard [a knock|a strange noise|somebody "
        "crying] [in the {room}|behind the {furniture}|under the {tree} tree].",
        "Then, [on a~ {part_of_day}|one {part_of_day}] in {month}, the {animal} [was gone|began to "
        "speak|came home with a key].",
        "It all changed when the {vehicle} brought a stranger with a~ {colour} [hat|case|beard], "
        "who asked for [a bed|the way|{drink}].",
        "[A letter came|A note lay on the {furniture}], and in it stood only "
        "this: [come at once|look under the {tree} tree|do not trust the clock].",
    ),
    (
        "{name} took a~ {tool} and [went to look|crept closer|climbed down].",
        "Without a word to anyone, {name} [packed {food} and a~ {tool}|put on the {colour} "
        "boots|ran to the {building}].",
        "At first {name} wanted to [hide|call the {elder}|go back to bed], but [curiosity was "
        "stronger|the {animal} pulled at the coat].",
        "{name} counted to {small_number}, [took a deep breath|shut both eyes] and [opened the "
        "door|stepped outside].",
    ),
    (
        "Behind the {building} stood {friend}, [out of breath|wet to the skin|with a lantern], "
        "and said: I have [waited|looked] for you [all day|everywhere].",
        "[There|In the dark] {name} met {friend}, who [sold matches|was looking for a lost "
        "{animal}|had run away from home].",
        "It was {friend}, [of all people|from the other end of {street}], and [neither|nobody] "
        "knew what to say.",
        "{friend} was the only one who [believed the story|had a map|was not afraid].",
    ),
    (
        "[Together|Side by side] they walked past the {building} and [over|along] the "
        "[wall|fields], while {bird} [circled above|called from the roofs].",
        "They shared {food} on the steps and made a plan with [chalk|a stick in the "
        "sand|{small_number} buttons].",
        "The way led [through a cellar|over a narrow bridge|into the {tree} wood], and [it grew "
        "colder|the lamp went out] with every step.",
        "[All|The whole] {part_of_day} they searched, [in every {room}|under each "
        "{furniture}|from the attic to the cellar].",
    ),
    (
        "But the door was [locked|too heavy|painted on the wall], and the key [broke|did not "
        "fit|was at home].",
        "Suddenly the [ground|floor|ladder] gave way, and they [slid|fell] into a~ {room} full of "
        "[old clocks|paper birds|{flower}].",
        "A~ [guard|goose|tall man] blocked the way and [demanded|asked for] [a "
        "riddle|{food}|their shoes].",
        "The storm came faster than they had thought, and [the bridge|the lantern|the map] was "
        "carried off.",
    ),
    (
        "{friend} remembered what the old {elder} used to say: [the shortest way is a "
        "question|never pull what you can push|look behind you].",
        "Then the {animal} did something nobody had expected: it [sat down|sang|lifted the latch "
        "with its nose].",
        "{name} [emptied both pockets|looked at the {tool}] and [laughed|had an idea].",
        "They [pushed|pulled] [with all their strength|until their hands hurt], and [at "
        "last|little by little] it moved.",
    ),
    (
        "What they found was not gold but [a letter|a nest|a tiny {furniture} of {material}|the "
        "lost {animal}], and it was [better than gold|enough].",
        "In the {room} sat the stranger, [asleep|mending a kite|with tears in both eyes], and "
        "[told them everything|asked for {drink}].",
        "The noise had been [a loose shutter|a family of {bird}|the old clock] all along, and "
        "they [laughed until it hurt|felt a little silly].",
        "A light went on, and there stood the whole street with {food} and [music|lanterns].",
    ),
    (
        "They carried it home [through the rain|in a wheelbarrow|without a word], and the {elder} "
        "[cried|brought {food}|forgot to scold].",
        "[By morning|Before sunrise] everyone at the {building} had heard of it, and [no two "
        "stories were alike|each told it differently].",
        "The {elder} [shook|scratched] a head full of grey hair and [put the kettle on|said "
        "nothing at all].",
        "[A week|A month] later a~ [parcel|postcard] arrived, with {small_number} {flower} and no "
        "name.",
    ),
    (
        "[Since then|From that day on] {name} has never been afraid of [the dark|{bird}|locked "
        "doors] again.",
        "{name} and {friend} are [old|grown up] now, but on [windy nights|{season} evenings] they "
        "still [listen|meet at the {building}].",
        "And if you walk along {street} [at night|in {month}], you may [hear|see] them still.",
        "The {tool} hangs above the {furniture} to this day, and [nobody may touch it|the "
        "{animal} guards it].",
    ),
)
STORY_EXTRAS = (
    "Far away a~ {animal} called, and {weather}.",
    "It smelled of {food} and wet {material}.",
    "Nobody said a word for a long while.",
    "The {elder} would not have believed it.",
    "Somewhere a clock struck {small_number}.",
    "{friend} laughed, but only a little.",
    "[Their|The] shadows were as long as the street.",
    "{name} thought of the {room} at home and of {food}.",
    "There are things one cannot explain to a~ {animal}.",
    "The {bird} had gone quiet.",
)

RECIPE_TITLES = (
    "{adjective} {dish} as my {elder} made it",
    "{dish} for {small_number} hungry guests",
    "A simple {dish} for {weekday}",
    "{season} {dish} with {herb}",
)
RECIPE_BEATS: tuple[tuple[str, ...], ...] = (
    (
        "This {dish} [comes from|belongs to] the {season} kitchen of my {elder}, who [never "
        "measured anything|cooked for {small_number} children|worked at the {building}].",
        "There are as many ways to make {dish} as there are kitchens, and [this one has never "
        "failed|ours is the simplest].",
        "[When|Whenever] it is cold outside, nothing beats {dish} with {herb}.",
        "A reader asked for {dish}, and [after {small_number} attempts|once the oven was mended] "
        "I can share it.",
    ),
    (
        "For {small_number} people you need {small_number} {vegetable}, a~ [cup|handful|bowl] of "
        "{staple}, {fat} and [some|a little] {herb}.",
        "[Buy|Pick] {small_number} firm {vegetable}, and have {staple}, {herb} and {fat} ready on "
        "the table.",
        "Take {vegetable}, {vegetable2}, {staple} and a spoon of {fat}, [nothing more|all of it "
        "cheap].",
    ),
    (
        "[Wash|Peel] the {vegetable} and cut them into [slices|cubes|strips] as [thin|thick] as "
        "a~ [pencil|finger].",
        "Chop the {vegetable} [finely|coarsely], and [keep|save] the peel for [soup|the hens].",
        "Put the {staple} into cold water for {small_number} minutes and [stir|drain] it well.",
    ),
    (
        "Melt {fat} in a heavy pan and let the {vegetable2} turn [golden|soft] over a~ "
        "[low|gentle] heat.",
        "[Heat|Warm] {fat} [slowly|with care], add the {vegetable2}, and do not leave the stove.",
        "In another pot bring water to the boil with [a pinch of salt|{herb}|a bay leaf].",
    ),
    (
        "[Then|Now] add the {vegetable}, {herb} and [two|three] cups of [water|milk|broth], and "
        "[cover|close] the pot.",
        "[Fold in|Mix in] the {staple} with a wooden spoon until [no lumps are left|it is smooth].",
        "Pour everything into a~ [clay|deep|buttered] dish and [press it down|scatter {herb} on "
        "top].",
    ),
    (
        "It must [simmer|bake] for {tens} minutes, [without stirring|in a hot oven], until [the "
        "edges are brown|a fork slides in].",
        "Leave it alone for {tens} minutes, [read a book|lay the table] and enjoy the smell.",
        "After {tens} minutes [look|taste] for the first time and add salt [if it needs any|with "
        "care].",
    ),
    (
        "If it gets too [dry|thick], a~ [splash|cup] of {drink} [works wonders|does no harm].",
        "[Children|Some guests] leave out the {herb}, [others|I] add twice as much.",
        "My {elder} puts {food} beside it, [which is too much for me|and why not].",
        "Those who like it [sharp|sweet] may add [mustard|a spoon of honey|pepper].",
    ),
    (
        "Serve it [hot|lukewarm] with {drink} and [dark bread|a green salad].",
        "It is [even better|best] on the next day, [fried in a pan|cold from the cellar].",
        "Eat it [at once|by the window], and [save a plate for the neighbours|send me a note].",
        "What is left goes to the {animal}, [but nothing is ever left|who is not picky].",
    ),
)
RECIPE_SLOTS: dict[str, tuple[str, ...]] = {
    "dish": ("stew", "pie", "soup", "pudding", "pancakes", "dumplings", "casserole", "tart"),
    "adjective": ("Golden", "Thick", "Honest", "Quick", "Slow", "Rustic", "Old"),
    "vegetable": ("carrots", "potatoes", "apples", "turnips", "pears", "leeks", "pumpkins"),
    "vegetable2": ("onions", "mushrooms", "tomatoes", "plums", "parsnips", "beans"),
    "staple": ("rice", "flour", "barley", "oats", "breadcrumbs", "lentils"),
    "fat": ("butter", "oil", "lard", "cream"),
    "herb": ("parsley", "thyme", "sage", "nutmeg", "cinnamon", "dill", "chives"),
    "tens": ("ten", "twenty", "thirty", "forty"),
}

CRAFT_TITLES = (
    "How to make a~ {thing} from {stuff}",
    "A~ {colour} {thing} in one {part_of_day}",
    "{thing} for beginners",
    "Repairing a~ {thing} at home",
)
CRAFT_BEATS: tuple[tuple[str, ...], ...] = (
    (
        "A~ {thing} of {stuff} is a good piece of work for a~ {season} weekend, [even for "
        "beginners|with children too].",
        "[Last {weekday}|In {month}] our {thing} broke, and instead of buying one we [made|built] "
        "it ourselves.",
        "My {elder} learned to make a~ {thing} from a~ [neighbour|book with missing pages], and "
        "so did I.",
        "You do not need a workshop to make a~ {thing}, a~ {furniture} by the window will do.",
    ),
    (
        "[Get|Collect] {stuff}, a~ [hammer|needle|knife|press], [glue|strong thread], a ruler and "
        "[some sandpaper|a "
        "soft pencil].",
        "All you need is {stuff}, {small_number} nails, a~ [hammer|needle|knife|press] and "
        "[patience|a free "
        "{part_of_day}].",
        "The {stuff} should be [dry|clean|without holes], and the [hammer|needle|knife|press] "
        "must be [sharp|in order].",
    ),
    (
        "Draw the shape [on paper first|with chalk], and leave a~ [finger|thumb] of room on every "
        "side.",
        "Measure twice, [cut once|as the saying goes], and mark the middle with a~ {colour} line.",
        "Cut the {stuff} into {small_number} pieces, [two long and the others short|all of the "
        "same length].",
    ),
    (
        "[Rub|Smooth] the edges until they feel like [soap|paper], since [splinters hurt|it will "
        "look better].",
        "Put the pieces together [without glue|loosely] and see whether [anything wobbles|the "
        "corners meet].",
        "Now [bend|fold] the long part [slowly|over your knee], and do not lose heart if it "
        "[cracks|slips].",
    ),
    (
        "Glue one side, [press|tie] it with string and let it rest until [{weekday}|the next "
        "{part_of_day}].",
        "[Fasten|Join] the pieces with the [hammer|needle|knife|press], [starting in the "
        "middle|from the outside in].",
        "Pull the thread tight, make {small_number} knots and [cut off|hide] the ends.",
    ),
    (
        "[Paint|Colour] it {colour}, [or leave it as it is|with a thin brush], and keep the "
        "{animal} away until it is dry.",
        "A little [wax|oil] gives it a~ [warm|soft] shine and keeps the water out.",
        "If you like, [add|paint on] a~ {animal} or some {flower}.",
    ),
    (
        "Mine [came out crooked|took {small_number} hours], but [it has lasted for "
        "years|everybody loves it].",
        "The first try [may look strange|is for practice], the second [is for the {elder}|will be "
        "fine].",
        "Should it break, [do not worry|fear not], [every part can be replaced|glue is cheap].",
    ),
    (
        "[Hang|Put] it in the {room}, [where it gets some light|out of reach of the {animal}], "
        "and be proud.",
        "It also makes a~ [fine|welcome] present for a~ {relative} or for the {building}.",
        "Next time we will make [a bigger one|a second one] and sell it at the {season} fair.",
    ),
)
CRAFT_SLOTS: dict[str, tuple[str, ...]] = {
    "thing": ("basket", "lampshade", "kite", "birdhouse", "stool", "puppet", "lantern", "toy boat"),
    "stuff": ("willow", "old newspapers", "felt", "scrap wood", "tin", "cardboard", "linen"),
}
PROSE_EXTRAS = (
    "My {elder} does it differently, of course.",
    "Do not hurry.",
    "A little music helps.",
    "I learned that the hard way.",
    "The {animal} watched all of it.",
    "You can stop here and go on tomorrow.",
    "It sounds harder than it is.",
    "I remember that {weather} when I did this for the first time.",
    "There is no need for anything expensive.",
    "In {month} I do this outside.",
)
